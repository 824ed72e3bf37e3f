#include "http/structured_field.h"

#include <algorithm>

namespace yz::http {
namespace {

constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_key_char(char c) {
  return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
}
constexpr bool is_token_tail(char c) {
  return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos;
}

/// Recursive descent over RFC 8941 §4.2. Every method returns none, or false, at the first byte that does not fit.
class Parser {
 public:
  explicit Parser(std::string_view in) : in_(in) {}

  std::optional<std::vector<SfMember>> dictionary() {
    std::vector<SfMember> members;
    skip_spaces();
    while (!in_.empty()) {
      auto member = dictionary_member();
      if (!member) return std::nullopt;
      std::erase_if(members, [&](const SfMember& m) { return m.key == member->key; });
      members.push_back(std::move(*member));
      skip_white();
      if (in_.empty()) return members;
      if (!take(',')) return std::nullopt;
      skip_white();
      if (in_.empty()) return std::nullopt;
    }
    return members;
  }

 private:
  std::optional<SfMember> dictionary_member() {
    auto name = key();
    if (!name) return std::nullopt;
    SfMember member{std::move(*name), true};
    if (take('=')) {
      auto value = !in_.empty() && in_.front() == '(' ? inner_list() : bare_item();
      if (!value) return std::nullopt;
      member.value = std::move(*value);
    }
    if (!parameters()) return std::nullopt;
    return member;
  }

  bool take(char c) {
    if (in_.empty() || in_.front() != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ')) {
    }
  }
  void skip_white() {
    while (take(' ') || take('\t')) {
    }
  }

  template <typename Predicate>
  std::string_view take_while(Predicate fits) {
    const auto end = std::find_if_not(in_.begin(), in_.end(), fits);
    const std::string_view out = in_.substr(0, static_cast<std::size_t>(end - in_.begin()));
    in_.remove_prefix(out.size());
    return out;
  }

  std::optional<std::string> key() {
    if (in_.empty() || (!is_lower(in_.front()) && in_.front() != '*')) return std::nullopt;
    return std::string(take_while(is_key_char));
  }

  bool parameters() {
    while (take(';')) {
      skip_spaces();
      if (!key()) return false;
      if (take('=') && !bare_item()) return false;
    }
    return true;
  }

  std::optional<SfItem> inner_list() {
    const std::string_view all = in_;
    in_.remove_prefix(1);
    for (;;) {
      skip_spaces();
      if (take(')')) return SfOpaque{std::string(all.substr(0, all.size() - in_.size()))};
      if (!bare_item() || !parameters()) return std::nullopt;
      if (in_.empty() || (in_.front() != ' ' && in_.front() != ')')) return std::nullopt;
    }
  }

  std::optional<SfItem> bare_item() {
    if (in_.empty()) return std::nullopt;
    const char c = in_.front();
    if (c == '-' || is_digit(c)) return integer_or_decimal();
    if (c == '"') return string();
    if (c == '*' || is_alpha(c)) return SfToken{std::string(take_while(is_token_tail))};
    if (c == ':') return byte_sequence();
    if (c == '?') return boolean();
    return std::nullopt;
  }

  std::optional<SfItem> integer_or_decimal() {
    const bool negative = take('-');
    const std::string_view whole = take_while(is_digit);
    if (whole.empty() || whole.size() > 15) return std::nullopt;
    if (take('.')) {
      const std::string_view fraction = take_while(is_digit);
      if (whole.size() > 12 || fraction.empty() || fraction.size() > 3) return std::nullopt;
      return SfOpaque{std::string(whole) + "." + std::string(fraction)};
    }
    std::int64_t value = 0;
    for (const char c : whole) value = value * 10 + (c - '0');
    return negative ? -value : value;
  }

  std::optional<SfItem> string() {
    std::string out;
    in_.remove_prefix(1);
    while (!in_.empty()) {
      const char c = in_.front();
      in_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (in_.empty() || (in_.front() != '"' && in_.front() != '\\')) return std::nullopt;
        out.push_back(in_.front());
        in_.remove_prefix(1);
      } else if (c >= 0x20 && c < 0x7f) {
        out.push_back(c);
      } else {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  std::optional<SfItem> byte_sequence() {
    in_.remove_prefix(1);
    const std::string_view text =
        take_while([](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; });
    if (!take(':')) return std::nullopt;
    return SfOpaque{std::string(text)};
  }

  std::optional<SfItem> boolean() {
    in_.remove_prefix(1);
    if (take('1')) return true;
    if (take('0')) return false;
    return std::nullopt;
  }

  std::string_view in_;
};

}  // namespace

std::optional<std::vector<SfMember>> parse_dictionary(std::string_view text) { return Parser(text).dictionary(); }

}  // namespace yz::http
