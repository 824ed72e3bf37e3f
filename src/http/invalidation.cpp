#include "http/invalidation.h"

#include "base/text.h"
#include "http/authority.h"
#include "http/reference.h"

namespace yz::http {
std::optional<std::string> resolve_on_origin(std::string_view scheme, std::string_view authority,
                                             std::string_view path_and_query, std::string_view reference) {
  const Reference parts = split_reference(reference);
  if (!parts.scheme.empty() && !equals_ignoring_case(parts.scheme, scheme)) return std::nullopt;
  if (!parts.scheme.empty() && !parts.has_authority) return std::nullopt;
  if (parts.has_authority) {
    const auto own = parse_authority(authority);
    const auto other = parse_authority(parts.authority);
    if (!own || !other || !same_authority(*own, *other, scheme)) return std::nullopt;
  }
  const std::string_view base_path = path_and_query.substr(0, path_and_query.find('?'));
  return resolve_path(parts.has_authority && parts.path.empty() ? "/" : base_path, parts.path, parts.has_query,
                      parts.query);
}

std::vector<std::string> invalidated_targets(std::string_view scheme, std::string_view authority,
                                             std::string_view path_and_query, Fields response) {
  std::vector<std::string> targets{std::string(path_and_query)};
  for (const auto id : {FieldId::kLocation, FieldId::kContentLocation}) {
    const auto value = response.single(id);
    if (!value) continue;
    auto target = resolve_on_origin(scheme, authority, path_and_query, *value);
    if (target && *target != targets.front()) targets.push_back(*std::move(target));
  }
  return targets;
}

}  // namespace yz::http
