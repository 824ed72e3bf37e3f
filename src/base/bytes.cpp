#include "base/bytes.h"

#include <cctype>

#include <fmt/format.h>

#include "base/text.h"

namespace yz {

Result<ByteCount> parse_byte_count(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const auto number = parse_u64(text.substr(0, digits));
  const std::string unit = to_lower(trim(text.substr(digits)));
  int shift = -1;
  if (unit.empty() || unit == "b") shift = 0;
  if (unit == "k" || unit == "kib") shift = 10;
  if (unit == "m" || unit == "mib") shift = 20;
  if (unit == "g" || unit == "gib") shift = 30;
  if (unit == "t" || unit == "tib") shift = 40;
  if (!number || shift < 0 || (shift > 0 && (*number >> (64 - shift)) != 0)) {
    return fail(Code::kInvalid, fmt::format("'{}' is not a size; expected a number with KiB, MiB, GiB or TiB", text));
  }
  return ByteCount{*number << shift};
}

std::string to_string(ByteCount count) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(count.value);
  std::size_t unit = 0;
  while (value >= 1024.0 && unit + 1 < std::size(kUnits)) value /= 1024.0, ++unit;
  return unit == 0 ? fmt::format("{} B", count.value) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

void ByteWriter::fixed(std::uint64_t v, int width) {
  for (int i = 0; i < width; ++i) out_.push_back(static_cast<char>(v >> (8 * i)));
}

void ByteWriter::varint(std::uint64_t v) {
  while (v >= 0x80) {
    out_.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out_.push_back(static_cast<char>(v));
}

void ByteWriter::str(std::string_view v) {
  varint(v.size());
  out_.append(v);
}

std::uint64_t ByteReader::fixed(std::size_t width) {
  if (in_.size() < width) {
    reject();
    return 0;
  }
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < width; ++i) v |= std::uint64_t{static_cast<std::uint8_t>(in_[i])} << (8 * i);
  in_.remove_prefix(width);
  return v;
}

std::uint64_t ByteReader::varint() {
  std::uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint64_t byte = fixed(1);
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;
    v |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return v;
  }
  reject();
  return 0;
}

std::string_view ByteReader::raw(std::size_t size) {
  if (in_.size() < size) {
    reject();
    return {};
  }
  const std::string_view v = in_.substr(0, size);
  in_.remove_prefix(size);
  return v;
}

std::string_view ByteReader::str() {
  const std::uint64_t size = varint();
  if (size > in_.size()) {
    reject();
    return {};
  }
  return raw(static_cast<std::size_t>(size));
}

std::uint64_t ByteReader::count(std::size_t min_size) {
  const std::uint64_t n = varint();
  if (n > in_.size() / (min_size == 0 ? 1 : min_size)) {
    reject();
    return 0;
  }
  return n;
}

}  // namespace yz
