#include "dns/name.h"

#include <fmt/format.h>

#include "base/text.h"

namespace yz::dns {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

tl::unexpected<Error> bad_name(std::string_view text, std::string_view why) {
  return fail(Code::kInvalid, fmt::format("'{}' is not a domain name: {}", text, why));
}

/// One character, escaped or not, taken from the front of `text`; none when an escape is broken.
std::optional<char> take_character(std::string_view& text) {
  const char c = text.front();
  text.remove_prefix(1);
  if (c != '\\') return c;
  if (text.empty()) return std::nullopt;
  if (!is_digit(text.front())) {
    const char escaped = text.front();
    text.remove_prefix(1);
    return escaped;
  }
  if (text.size() < 3) return std::nullopt;
  const auto value = parse_u32(text.substr(0, 3), 255);
  if (!value) return std::nullopt;
  text.remove_prefix(3);
  return static_cast<char>(*value);
}

}  // namespace

Result<Name> Name::parse(std::string_view text) {
  Name out;
  if (text == ".") return out;
  if (text.empty()) return bad_name(text, "it is empty");
  std::size_t label_at = 0;
  std::size_t size = 1;
  for (auto rest = text; !rest.empty();) {
    if (rest.front() == '.') {
      if (size == label_at + 1) return bad_name(text, "it has an empty label");
      rest.remove_prefix(1);
      if (rest.empty()) break;
      out.bytes_[label_at] = static_cast<char>(size - label_at - 1);
      label_at = size++;
      if (size >= kMaxSize) return bad_name(text, "it is longer than 255 bytes");
      continue;
    }
    const auto c = take_character(rest);
    if (!c) return bad_name(text, "it has a broken escape");
    if (size - label_at > kMaxLabel) return bad_name(text, "a label is longer than 63 bytes");
    if (size + 1 >= kMaxSize) return bad_name(text, "it is longer than 255 bytes");
    out.bytes_[size++] = *c;
  }
  out.bytes_[label_at] = static_cast<char>(size - label_at - 1);
  out.bytes_[size++] = 0;
  out.size_ = static_cast<std::uint8_t>(size);
  return out;
}

Result<Name> Name::from_wire(std::string_view wire) {
  std::size_t at = 0;
  while (at < wire.size() && at < kMaxSize) {
    const auto length = static_cast<unsigned char>(wire[at]);
    if (length > kMaxLabel) break;
    at += std::size_t{length} + 1;
    if (length != 0) continue;
    if (at > kMaxSize) break;
    Name out;
    std::memcpy(out.bytes_.data(), wire.data(), at);
    out.size_ = static_cast<std::uint8_t>(at);
    return out;
  }
  return fail(Code::kInvalid, "not a domain name in wire form");
}

std::size_t Name::label_count() const {
  std::size_t count = 0;
  for (std::size_t at = 0; bytes_[at] != 0; at += static_cast<std::size_t>(bytes_[at]) + 1) ++count;
  return count;
}

Name Name::parent() const {
  if (is_root()) return *this;
  const std::size_t skip = static_cast<std::size_t>(bytes_[0]) + 1;
  Name out;
  std::memcpy(out.bytes_.data(), bytes_.data() + skip, size_ - skip);
  out.size_ = static_cast<std::uint8_t>(size_ - skip);
  return out;
}

Name Name::lowered() const {
  Name out = *this;
  for (std::size_t i = 0; i < size_; ++i) out.bytes_[i] = to_lower(bytes_[i]);
  return out;
}

bool Name::is_within(const Name& ancestor) const {
  if (ancestor.size_ > size_) return false;
  const std::size_t start = static_cast<std::size_t>(size_ - ancestor.size_);
  std::size_t at = 0;
  while (at < start) at += static_cast<std::size_t>(bytes_[at]) + 1;
  return at == start && equal_wire(wire().substr(start), ancestor.wire());
}

Result<Name> Name::with_label(std::string_view label) const {
  if (label.empty() || label.size() > kMaxLabel || size_ + label.size() + 1 > kMaxSize) {
    return bad_name(label, "it does not fit as a label");
  }
  Name out;
  out.bytes_[0] = static_cast<char>(label.size());
  std::memcpy(out.bytes_.data() + 1, label.data(), label.size());
  std::memcpy(out.bytes_.data() + 1 + label.size(), bytes_.data(), size_);
  out.size_ = static_cast<std::uint8_t>(size_ + label.size() + 1);
  return out;
}

bool Name::equal_wire(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

std::string to_host(const Name& name) {
  std::string out;
  const auto wire = name.wire();
  for (std::size_t at = 0; wire[at] != 0;) {
    if (!out.empty()) out.push_back('.');
    const auto length = static_cast<std::size_t>(wire[at]);
    for (const char c : wire.substr(at + 1, length)) {
      if (c == '.' || c == '\\') {
        out.push_back('\\');
        out.push_back(c);
      } else if (c > ' ' && c < 0x7f) {
        out.push_back(c);
      } else {
        out += fmt::format("\\{:03}", static_cast<unsigned char>(c));
      }
    }
    at += length + 1;
  }
  return out;
}

std::string to_string(const Name& name) { return to_host(name) + "."; }

}  // namespace yz::dns
