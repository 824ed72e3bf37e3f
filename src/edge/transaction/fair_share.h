#pragma once

#include <cstddef>

namespace yz::edge {

/// How much one body may move before the worker's other connections have their turn. A loop whose source and sink are
/// always ready never waits, and would keep them (health checks too) out for as long as the body lasts:
///     if (share.is_used_up(size)) co_await io::yield();
class FairShare {
 public:
  static constexpr std::size_t kBytes = 512 * 1024;  ///< about half a millisecond of copying

  /// Counts bytes just moved; true when it is others' turn.
  [[nodiscard]] bool is_used_up(std::size_t moved) {
    moved_ += moved;
    if (moved_ < kBytes) return false;
    moved_ = 0;
    return true;
  }

 private:
  std::size_t moved_ = 0;
};

}  // namespace yz::edge
