#pragma once

#include <string_view>

#include "base/clock.h"
#include "edge/site.h"
#include "http/cache_control.h"
#include "http/freshness.h"
#include "http/storability.h"

namespace yz::edge {

/// A response that has just arrived (or a stored one with the fields of a 304), and what it answers.
struct Arrival {
  http::Method method = http::Method::kGet;
  http::Fields request;
  std::string_view path;  ///< of the request, without its query
  http::StatusCode status = 200;
  http::Fields response;
  WallTime asked_at{};
  WallTime now{};
};

/// What becomes of it in this cache.
struct CachingDecision {
  http::Storability verdict = http::Storability::kStore;
  http::StoredPolicy policy;
  /// The operator said that this path is shared content, so its Set-Cookie fields are not: taken out, for the store and
  /// for whoever is served from it.
  bool strips_cookies = false;
  bool is_explicit = false;  ///< the lifetime is the origin's own word
};

/// The longest that an error without a lifetime of its own is kept under the safe profile: long enough to spare an
/// origin a storm, too short to be worth provoking.
inline constexpr std::chrono::seconds kNegativeLifetime{10};

/// RFC 9111 §3 and §4.2 under the domain's cache rule (null: none) and its profile. The table of what the profiles do
/// differently is in this room's README. Pure.
[[nodiscard]] CachingDecision decide_caching(const Site& site, const model::CacheRule* rule, const Arrival& arrival);

}  // namespace yz::edge
