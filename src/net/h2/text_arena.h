#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace yz::net::h2 {

/// Keeps texts at fixed places until clear(). The first block stays, so that ordinary heads allocate nothing.
class TextArena {
 public:
  /// Room for `size` bytes.
  [[nodiscard]] char* take(std::size_t size) {
    if (size > left_) grow(size);
    char* const at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }
  [[nodiscard]] std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    char* const at = take(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  void clear() {
    more_.clear();
    next_ = first_.get();
    left_ = first_ ? kBlock : 0;
  }

 private:
  static constexpr std::size_t kBlock = 2048;

  void grow(std::size_t size) {
    const std::size_t block = std::max(size, kBlock);
    std::unique_ptr<char[]> made = std::make_unique_for_overwrite<char[]>(block);
    next_ = made.get();
    left_ = block;
    if (!first_ && block == kBlock) {
      first_ = std::move(made);
    } else {
      more_.push_back(std::move(made));
    }
  }

  std::unique_ptr<char[]> first_;
  std::vector<std::unique_ptr<char[]>> more_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace yz::net::h2
