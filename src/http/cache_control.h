#pragma once

#include <chrono>
#include <optional>

#include "http/fields.h"

namespace yz::http {

using std::chrono::seconds;

/// Longer than any lifetime means anything: what overflowing delta-seconds read as (RFC 9111 §1.2.2).
inline constexpr seconds kLongestDelta{2147483648};

/// What a response says about its caching (RFC 9111 §5.2.2, RFC 5861, RFC 8246). Qualified no-cache and private count
/// as unqualified, which §5.2.2.4 and §5.2.2.7 allow.
struct ResponseDirectives {
  bool no_store = false;
  bool no_cache = false;
  bool is_private = false;
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool no_transform = false;
  bool targeted = false;  ///< taken from a targeted field: Expires and Pragma do not count (RFC 9213 §2.2)
  std::optional<seconds> max_age;
  std::optional<seconds> s_maxage;
  std::optional<seconds> stale_while_revalidate;
  std::optional<seconds> stale_if_error;
};

/// The directives that bind a CDN cache: those of CDN-Cache-Control when it is there, is a valid structured dictionary
/// and is not empty (RFC 9213 §2.1), else Surrogate-Control (Edge Architecture 1.0, without targets), else
/// Cache-Control. An unreadable max-age or s-maxage reads as 0, that is stale (RFC 9111 §4.2.1); of repeated ones the
/// first counts.
[[nodiscard]] ResponseDirectives response_directives(Fields response);

/// What a request asks of caches (RFC 9111 §5.2.1; Pragma per §5.4 when there is no Cache-Control).
struct RequestDirectives {
  bool no_store = false;
  bool no_cache = false;
  bool only_if_cached = false;
  bool max_stale_any = false;  ///< max-stale without a value
  std::optional<seconds> max_age;
  std::optional<seconds> max_stale;
  std::optional<seconds> min_fresh;
};
[[nodiscard]] RequestDirectives request_directives(Fields request);

}  // namespace yz::http
