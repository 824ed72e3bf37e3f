#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace yz::cache {

/// Blocks of storage under a disk cache. Offsets, sizes and memory addresses are multiples of kBlock. Calls wait for
/// the device, so they belong on threads that may wait; any number of them at once.
class BlockDevice {
 public:
  static constexpr std::size_t kBlock = 4096;

  BlockDevice() = default;
  virtual ~BlockDevice() = default;
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;

  /// For people: the path.
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Fills `out`. Fails with kIo and the like; `out` may then hold anything.
  [[nodiscard]] virtual Status read(std::uint64_t offset, std::span<char> out) = 0;
  /// Fails with kLimit when the file system is full. What was there may be partly overwritten after a failure.
  [[nodiscard]] virtual Status write(std::uint64_t offset, std::span<const char> bytes) = 0;
  /// Waits until what was written would survive a power failure.
  [[nodiscard]] virtual Status sync() = 0;
};

/// One place for a disk cache: `path` is a file (made when missing) or a block device.
struct DiskPlace {
  std::filesystem::path path;
  ByteCount size;
  /// A file whose space is not reserved: it takes what it uses, up to `size`.
  bool is_sparse = false;
};

/// Reads "PATH:SIZE" or "PATH:SIZE:sparse". Fails with kInvalid.
[[nodiscard]] Result<DiskPlace> parse_disk_place(std::string_view text);

/// Opens it for this process alone, past the page cache (O_DIRECT) where the file system can. Fails with kConflict when
/// another process has it, kLimit when the space cannot be reserved, kInvalid for a block device smaller than `size`.
[[nodiscard]] Result<std::unique_ptr<BlockDevice>> open_block_device(const DiskPlace& place);

/// Memory for I/O past the page cache: aligned to a block. Not initialised.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// `size` is rounded up to whole blocks.
  explicit AlignedBuffer(std::size_t size);
  [[nodiscard]] char* data() { return data_.get(); }
  [[nodiscard]] const char* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<char> first(std::size_t size) { return {data_.get(), size}; }
  [[nodiscard]] std::string_view view(std::size_t offset, std::size_t size) const {
    return {data_.get() + offset, size};
  }

 private:
  struct Free {
    void operator()(char* memory) const;
  };
  std::unique_ptr<char, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace yz::cache
