#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/fields.h"
#include "http/method.h"
#include "http/status.h"

namespace yz::http {

/// RFC 9111 §4.4: a non-error answer (2xx, 3xx) to an unsafe method, unknown methods included, invalidates its target.
[[nodiscard]] constexpr bool invalidates(Method method, StatusCode status) {
  return !is_safe(method) && status >= 200 && status < 400;
}

/// The targets to invalidate, as path and query: the request's own, and those of Location and Content-Location when
/// they lie on the same origin (§4.4). `authority` is "host[:port]" as requested, `scheme` "http" or "https".
[[nodiscard]] std::vector<std::string> invalidated_targets(std::string_view scheme, std::string_view authority,
                                                           std::string_view path_and_query, Fields response);

/// A reference of a response (Location, Content-Location) as path and query, resolved against its request's target;
/// none when it leads to another origin.
[[nodiscard]] std::optional<std::string> resolve_on_origin(std::string_view scheme, std::string_view authority,
                                                           std::string_view path_and_query, std::string_view reference);

}  // namespace yz::http
