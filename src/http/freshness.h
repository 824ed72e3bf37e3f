#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "http/cache_control.h"
#include "http/fields.h"
#include "http/profile.h"
#include "http/status.h"

namespace yz::http {

/// Codes that may be stored without explicit freshness (RFC 9110 §15.1).
[[nodiscard]] bool is_heuristically_cacheable(StatusCode status);

/// How a lifetime is guessed when the origin names none (RFC 9111 §4.2.2).
struct HeuristicRules {
  int percent = 10;  ///< of the time since Last-Modified
  seconds longest = std::chrono::hours(24);
};

struct Lifetime {
  seconds value{0};
  bool heuristic = false;
  bool is_explicit = false;  ///< the origin named one, even if it is 0
};

/// The freshness lifetime for a shared cache (RFC 9111 §4.2.1): s-maxage, max-age, Expires - Date, else a heuristic.
/// An unreadable or repeated Expires means "already stale" (§5.3).
[[nodiscard]] Lifetime freshness_lifetime(StatusCode status, Fields response, const ResponseDirectives& directives,
                                          WallTime response_time, const HeuristicRules& rules = {});

/// Age at the moment the response arrived (RFC 9111 §4.2.3): the larger of now - Date and Age + the time the exchange
/// took. Of a list the first Age counts, an unreadable one is ignored (§5.1).
[[nodiscard]] seconds corrected_initial_age(Fields response, WallTime request_time, WallTime response_time);

/// All that later decisions about a stored response need, computed once when its head arrives. Plain data.
struct StoredPolicy {
  WallTime response_time{};
  seconds initial_age{0};
  seconds lifetime{0};
  seconds stale_while_revalidate{0};
  seconds stale_if_error{-1};  ///< -1: the origin names none
  bool heuristic = false;
  bool no_cache = false;       ///< never reused without validation (§5.2.2.4)
  bool never_stale = false;    ///< must-revalidate, proxy-revalidate, s-maxage (§4.2.4, §5.2.2.10) or no-cache
  bool has_validator = false;  ///< an ETag or Last-Modified to ask with

  /// Age now, whole seconds, never negative; a wall clock that jumped back counts as no time passed.
  [[nodiscard]] seconds age(WallTime now) const {
    const auto resident = std::chrono::floor<seconds>(now - response_time);
    return initial_age + std::max(resident, seconds(0));
  }
  /// §4.2: lifetime > age.
  [[nodiscard]] bool is_fresh(WallTime now) const { return lifetime > age(now); }
};

[[nodiscard]] StoredPolicy stored_policy(StatusCode status, Fields response, const ResponseDirectives& directives,
                                         WallTime request_time, WallTime response_time,
                                         const HeuristicRules& rules = {});

/// What to do with a stored response that matches a request.
enum class Reuse : std::uint8_t {
  kServe,               ///< fresh enough
  kServeAndRevalidate,  ///< stale, within stale-while-revalidate (RFC 5861 §3): answer now, validate behind
  kValidate,            ///< ask the next tier or the origin first (§4.3)
};

/// RFC 9111 §4 with the request's directives (§5.2.1). Under Profile::kSafe the request's are ignored, save
/// only-if-cached, which the caller handles.
[[nodiscard]] Reuse decide_reuse(const StoredPolicy& stored, const RequestDirectives& request, Profile profile,
                                 WallTime now);

/// Whether a stale response may stand in for a failed validation (§4.2.4, RFC 5861 §4). `site_default` is the
/// operator's stale-if-error, used when the origin names none.
[[nodiscard]] bool may_serve_on_error(const StoredPolicy& stored, seconds site_default, WallTime now);

}  // namespace yz::http
