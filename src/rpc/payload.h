#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rpc/node_messages.h"

namespace yz::rpc {

/// The largest piece of a payload in one message: small enough that a purge never waits long behind a
/// configuration.
inline constexpr std::size_t kMaxPiece = 512 << 10;

/// A part of a payload.
struct Slice {
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// The slice that follows `sent` bytes of `total`.
[[nodiscard]] constexpr Slice next_slice(std::size_t sent, std::size_t total) {
  return {sent, total - sent < kMaxPiece ? total - sent : kMaxPiece};
}

/// Puts the pieces of one kind of payload together again. A piece at offset 0 starts a new payload, so that a sender
/// may give one up half-way.
class PieceAssembler {
 public:
  explicit PieceAssembler(std::size_t max_size) : max_size_(max_size) {}

  /// The payload when `data` completes it, null while more is to come. Fails with kLimit when `size` is above the
  /// limit, kInvalid when the piece does not continue the payload.
  [[nodiscard]] Result<SharedBytes> add(std::uint64_t size, std::uint64_t offset, std::string&& data);

 private:
  std::size_t max_size_;
  std::size_t expected_ = 0;
  std::string bytes_;
};

}  // namespace yz::rpc
