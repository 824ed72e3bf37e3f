#include "http/invalidation.h"

#include "base/text.h"
#include "http/authority.h"

namespace yz::http {
namespace {

/// RFC 3986 §5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const auto next = path.find('/', 1);
    const std::string_view segment = path.substr(0, next);
    const bool last = next == std::string_view::npos;
    if (segment == "/.." || segment == "/.") {
      if (segment == "/..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (last) out.push_back('/');
    } else {
      out.append(segment);
    }
    path.remove_prefix(segment.size());
  }
  return out.empty() ? "/" : out;
}

}  // namespace

std::string resolve_path(std::string_view base_path, std::string_view reference_path, bool has_query,
                         std::string_view query) {
  std::string path;
  if (reference_path.starts_with('/')) {
    path = reference_path;
  } else if (reference_path.empty()) {
    path = base_path;
  } else {
    path = std::string(base_path.substr(0, base_path.rfind('/') + 1)) + std::string(reference_path);
    if (!path.starts_with('/')) path.insert(path.begin(), '/');
  }
  path = remove_dot_segments(path);
  if (has_query) path.append("?").append(query);
  return path;
}

std::vector<std::string> invalidated_targets(std::string_view scheme, std::string_view authority,
                                             std::string_view path_and_query, Fields response) {
  std::vector<std::string> targets{std::string(path_and_query)};
  const std::string_view base_path = path_and_query.substr(0, path_and_query.find('?'));
  const auto own = parse_authority(authority);
  for (const auto id : {FieldId::kLocation, FieldId::kContentLocation}) {
    const auto value = response.single(id);
    if (!value) continue;
    const Reference reference = split_reference(*value);
    if (!reference.scheme.empty() && !equals_ignoring_case(reference.scheme, scheme)) continue;
    if (!reference.scheme.empty() && !reference.has_authority) continue;
    if (reference.has_authority) {
      const auto other = parse_authority(reference.authority);
      if (!own || !other || !same_authority(*own, *other, scheme)) continue;
    }
    std::string target = resolve_path(reference.has_authority && reference.path.empty() ? "/" : base_path,
                                      reference.path, reference.has_query, reference.query);
    if (target != targets.front()) targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace yz::http
