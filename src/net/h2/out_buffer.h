#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace yz::net::h2 {

/// Bytes on their way to a connection. Memory comes from a pool when something is written and goes back when all is
/// sent, so that an idle connection has none.
class OutBuffer {
 public:
  /// What is written at once, and how much a connection may have waiting before bodies wait, too.
  static constexpr std::size_t kTarget = 64 * 1024;
  /// Room for heads and control frames beyond that.
  static constexpr std::size_t kCapacity = 80 * 1024;
  using Block = std::unique_ptr<char[]>;
  using Pool = std::vector<Block>;

  explicit OutBuffer(Pool& pool) : pool_(&pool) {}
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;
  ~OutBuffer() { release(); }

  /// The end, with room for `size` bytes behind it; call set_end() with the end of what was written.
  [[nodiscard]] char* reserve(std::size_t size) {
    if (size > capacity_ - size_) grow(size);
    return block_.get() + size_;
  }
  void set_end(const char* end) { size_ = static_cast<std::size_t>(end - block_.get()); }

  [[nodiscard]] std::string_view text() const { return {block_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_empty() const { return size_ == 0; }
  void clear() { size_ = 0; }

  /// Gives the memory back; the buffer is empty then.
  void release() {
    constexpr std::size_t kMaxSpare = 64;
    if (block_ && capacity_ == kCapacity && pool_->size() < kMaxSpare) pool_->push_back(std::move(block_));
    block_.reset();
    size_ = capacity_ = 0;
  }
  void swap(OutBuffer& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void grow(std::size_t size) {
    if (!block_ && size <= kCapacity) {
      capacity_ = kCapacity;
      if (pool_->empty()) {
        block_ = std::make_unique_for_overwrite<char[]>(kCapacity);
      } else {
        block_ = std::move(pool_->back());
        pool_->pop_back();
      }
      return;
    }
    const std::size_t wanted = std::max(size_ + size, 2 * capacity_);
    Block bigger = std::make_unique_for_overwrite<char[]>(wanted);
    if (size_ > 0) std::memcpy(bigger.get(), block_.get(), size_);
    block_ = std::move(bigger);
    capacity_ = wanted;
  }

  Pool* pool_;
  Block block_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace yz::net::h2
