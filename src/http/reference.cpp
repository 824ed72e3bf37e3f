#include "http/reference.h"

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

std::optional<std::string> resolve_url(std::string_view base, std::string_view reference) {
  const Reference from = split_reference(base);
  const Reference to = split_reference(reference);
  if (!to.scheme.empty() && !to.has_authority) return std::nullopt;
  const std::string_view scheme = to.scheme.empty() ? from.scheme : to.scheme;
  const std::string_view authority = to.has_authority ? to.authority : from.authority;
  if (default_port(scheme) == 0 || !parse_authority(authority)) return std::nullopt;
  const bool is_same_document = !to.has_authority && to.path.empty() && !to.has_query;
  std::string_view base_path = to.has_authority ? "/" : from.path;
  if (base_path.empty()) base_path = "/";
  std::string url = to_lower(scheme);
  url.append("://").append(authority);
  url += is_same_document ? resolve_path(base_path, "", from.has_query, from.query)
                          : resolve_path(base_path, to.path, to.has_query, to.query);
  return url;
}

}  // namespace yz::http
