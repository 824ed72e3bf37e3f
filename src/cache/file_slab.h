#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"

namespace yz::cache {

/// Memory for the large pieces of bodies in a file without a name (memfd), so that they can be sent with sendfile,
/// which saves the kernel a copy. A slot that is given back loses its pages before it is used again: the network may
/// still be sending from them, and must not see what comes next. Any thread.
///
/// Slots are powers of two, each size in a region of its own as large as the limit: that wastes addresses, which cost
/// nothing, and no memory, because pages that are not touched do not exist.
class FileSlab {
 public:
  /// Below this, copying costs no more than the second system call (measured: even at 32 KiB).
  static constexpr std::uint32_t kMinSlot = 32 * 1024;
  static constexpr std::uint32_t kMaxSlot = 256 * 1024;
  static constexpr std::uint32_t kPage = 4096;
  /// Memory that so many bytes in a slot take: whole pages.
  [[nodiscard]] static std::uint64_t charge_of(std::uint32_t size) {
    return (std::uint64_t{size} + kPage - 1) / kPage * kPage;
  }
  struct Slot {
    char* data = nullptr;  ///< null: none is free, or the system has no such files
    std::uint64_t offset = 0;
  };
  /// For at most `limit` bytes in use at a time.
  explicit FileSlab(ByteCount limit);
  ~FileSlab();
  FileSlab(const FileSlab&) = delete;
  FileSlab& operator=(const FileSlab&) = delete;

  /// A slot that holds `size` bytes, at least kMinSlot and at most kMaxSlot, and reads as zero.
  [[nodiscard]] Slot take(std::uint32_t size);
  /// What `take(size)` gave.
  void give_back(std::uint64_t offset, std::uint32_t size);
  [[nodiscard]] int file() const { return fd_.get(); }

 private:
  /// Slots of one size.
  struct Region {
    std::uint64_t next = 0;           ///< never used so far
    std::vector<std::uint64_t> free;  ///< given back
  };
  static constexpr std::size_t kRegions = 4;
  [[nodiscard]] static std::size_t region_of(std::uint32_t size);

  UniqueFd fd_;
  char* base_ = nullptr;
  std::uint64_t region_size_ = 0;
  std::mutex mutex_;
  std::array<Region, kRegions> regions_;
};

}  // namespace yz::cache
