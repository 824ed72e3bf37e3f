#include "cache/file_slab.h"

#include <bit>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/result.h"

namespace yz::cache {

FileSlab::FileSlab(ByteCount limit) : region_size_((limit.value + kMaxSlot - 1) / kMaxSlot * kMaxSlot) {
  const std::uint64_t size = region_size_ * kRegions;
  fd_ = UniqueFd(::memfd_create("yz-cache", MFD_CLOEXEC));
  if (!fd_ || ::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    log::warn("large bodies are sent without sendfile: memfd_create: {}", std::strerror(errno));
    return;
  }
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_.get(), 0);
  if (base == MAP_FAILED) {
    log::warn("large bodies are sent without sendfile: mmap: {}", std::strerror(errno));
    return;
  }
  base_ = static_cast<char*>(base);
  for (std::size_t i = 0; i < kRegions; ++i) regions_[i].next = region_size_ * i;
}

FileSlab::~FileSlab() {
  if (base_ != nullptr) ::munmap(base_, region_size_ * kRegions);
}

std::size_t FileSlab::region_of(std::uint32_t size) {
  YZ_ASSERT(size >= kMinSlot && size <= kMaxSlot);
  return static_cast<std::size_t>(std::countr_zero(std::bit_ceil(size) / kMinSlot));
}

FileSlab::Slot FileSlab::take(std::uint32_t size) {
  if (base_ == nullptr) return {};
  const std::size_t index = region_of(size);
  Region& region = regions_[index];
  const std::lock_guard lock(mutex_);
  std::uint64_t offset = region.next;
  if (!region.free.empty()) {
    offset = region.free.back();
    region.free.pop_back();
  } else if (region.next < region_size_ * (index + 1)) {
    region.next += std::bit_ceil(size);
  } else {
    return {};
  }
  return {base_ + offset, offset};
}

void FileSlab::give_back(std::uint64_t offset, std::uint32_t size) {
  const int dropped = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                  static_cast<off_t>(std::bit_ceil(size)));
  // A slot whose pages stay is never used again: what is in flight must not change.
  if (dropped != 0) return;
  const std::lock_guard lock(mutex_);
  regions_[region_of(size)].free.push_back(offset);
}

}  // namespace yz::cache
