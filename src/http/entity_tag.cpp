#include "http/entity_tag.h"

#include <algorithm>

namespace yz::http {

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  EntityTag tag;
  if (text.starts_with("W/")) {
    tag.weak = true;
    text.remove_prefix(2);
  }
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  const std::string_view inner = text.substr(1, text.size() - 2);
  // etagc (RFC 9110 §8.8.3): VCHAR except the quote, and obs-text.
  if (!std::all_of(inner.begin(), inner.end(), [](char c) {
        const auto b = static_cast<unsigned char>(c);
        return b == 0x21 || (b >= 0x23 && b <= 0x7e) || b >= 0x80;
      })) {
    return std::nullopt;
  }
  tag.opaque = text;
  return tag;
}

}  // namespace yz::http
