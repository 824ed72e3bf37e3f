#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace yz::edge {

/// The fields that change from hit to hit, written without allocating. What does not fit is left out whole.
class HeadTail {
 public:
  void add(std::string_view text) {
    if (text.size() > text_.size() - size_) return;
    std::memcpy(text_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void add(std::int64_t number) {
    const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number);
    if (end.ec == std::errc()) size_ = static_cast<std::size_t>(end.ptr - text_.data());
  }
  /// "Name: number\r\n"
  void field(std::string_view name, std::uint64_t number) {
    add(name);
    add(": ");
    add(static_cast<std::int64_t>(number));
    add("\r\n");
  }
  void field(std::string_view name, std::string_view value) {
    if (name.size() + value.size() + 4 > text_.size() - size_) return;
    add(name);
    add(": ");
    add(value);
    add("\r\n");
  }
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 512> text_;
  std::size_t size_ = 0;
};

}  // namespace yz::edge
