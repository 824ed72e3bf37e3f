#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz {

/// A number of bytes; its own type so that it is never mixed with counts of other things.
struct ByteCount {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(ByteCount, ByteCount) = default;
  friend constexpr ByteCount operator+(ByteCount a, ByteCount b) { return {a.value + b.value}; }
  friend constexpr ByteCount operator-(ByteCount a, ByteCount b) { return {a.value - b.value}; }
  constexpr ByteCount& operator+=(ByteCount b) { return value += b.value, *this; }
};

constexpr ByteCount kib(std::uint64_t n) { return {n << 10}; }
constexpr ByteCount mib(std::uint64_t n) { return {n << 20}; }
constexpr ByteCount gib(std::uint64_t n) { return {n << 30}; }

/// Reads "512MiB", "1GiB", "64K", "1000" (IEC units; K, M, G mean KiB, MiB, GiB). Fails with kInvalid.
[[nodiscard]] Result<ByteCount> parse_byte_count(std::string_view text);
/// "1.5 MiB"; exact below 1 KiB.
[[nodiscard]] std::string to_string(ByteCount count);

/// Appends little-endian fixed integers, LEB128 varints and length-prefixed strings to a string.
/// The one encoder of all our on-disk and node-internal formats (docs/formats).
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { fixed(v, 2); }
  void u32(std::uint32_t v) { fixed(v, 4); }
  void u64(std::uint64_t v) { fixed(v, 8); }
  /// Unsigned LEB128: 7 bits a byte, low first; at most 10 bytes.
  void varint(std::uint64_t v);
  /// varint length, then the bytes.
  void str(std::string_view v);
  void raw(std::string_view v) { out_.append(v); }

  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  void fixed(std::uint64_t v, int width);
  std::string& out_;
};

/// Reads what ByteWriter wrote. A failed read makes `ok()` false for good and every later read return zero or empty, so
/// a decoder may read a whole record and check once. Never reads outside its view; allocates nothing.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  [[nodiscard]] std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  [[nodiscard]] std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  [[nodiscard]] std::uint64_t u64() { return fixed(8); }
  [[nodiscard]] std::uint64_t varint();
  /// A view into the input.
  [[nodiscard]] std::string_view str();
  [[nodiscard]] std::string_view raw(std::size_t size);
  /// A varint that counts things of at least `min_size` bytes each: fails when the rest cannot hold them.
  [[nodiscard]] std::uint64_t count(std::size_t min_size = 1);

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return in_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return in_.size(); }
  /// Marks the input as bad, for a decoder that finds a value out of its range.
  void reject() { ok_ = false, in_ = {}; }

 private:
  std::uint64_t fixed(std::size_t width);
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace yz
