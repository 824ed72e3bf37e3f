#pragma once

#include <optional>
#include <string_view>

namespace yz::http {

/// An entity tag (RFC 9110 §8.8.3); a view into the field it was read from.
struct EntityTag {
  std::string_view opaque;  ///< with its quotes
  bool weak = false;
};

/// `W/"x"` or `"x"` and nothing else; none otherwise.
[[nodiscard]] std::optional<EntityTag> parse_entity_tag(std::string_view text);

/// Both strong and identical (RFC 9110 §8.8.3.2).
[[nodiscard]] inline bool strongly_equal(const EntityTag& a, const EntityTag& b) {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
/// Identical but for weakness.
[[nodiscard]] inline bool weakly_equal(const EntityTag& a, const EntityTag& b) { return a.opaque == b.opaque; }

}  // namespace yz::http
