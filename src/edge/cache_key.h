#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "model/domain.h"

namespace yz::edge {

/// The part of a request target that belongs to an object's identity, by the domain's key rule: the path, with "?query"
/// when the rule keeps one. A view into the target where nothing has to change (the usual case), else into `scratch`.
[[nodiscard]] std::string_view key_target(const http::RequestHead& request, const model::KeyRule& rule,
                                          std::string& scratch);
/// The same for a path and query that come from elsewhere (purges, prefetches).
[[nodiscard]] std::string key_target(std::string_view path_and_query, const model::KeyRule& rule);

/// The path and query as they go upstream: the bytes received, in origin-form.
[[nodiscard]] std::string forward_target(const http::RequestHead& request);

/// False for paths that servers read in different ways: encoded slash, backslash, NUL, CR, LF, "#", "?" or "%", and dot
/// segments, plain or encoded. They are passed through uncached, so that a cache rule cannot be made to match a path
/// that the origin understands as another (cache deception).
[[nodiscard]] bool is_unambiguous(std::string_view path);

}  // namespace yz::edge
