#pragma once

#include <cstdint>

#include "base/clock.h"
#include "http/fields.h"
#include "http/method.h"

namespace yz::http {

/// What a stored response answers to a request's preconditions.
enum class Precondition : std::uint8_t {
  kProceed,      ///< send the representation
  kNotModified,  ///< 304
};

/// RFC 9111 §4.3.2 in the precedence of RFC 9110 §13.2.2: If-None-Match (weak comparison), and only without one
/// If-Modified-Since, against Last-Modified or else Date. If-Match and If-Unmodified-Since are the origin's business
/// and not looked at. Only GET and HEAD are conditional here. `stored` are the stored response's fields.
[[nodiscard]] Precondition evaluate_preconditions(Method method, Fields request, Fields stored, WallTime now);

/// Whether the request carries a precondition that a cache can evaluate.
[[nodiscard]] bool has_preconditions(Fields request);

/// Whether Range applies (RFC 9110 §13.1.5): true without If-Range; otherwise its tag must be strongly equal to the
/// stored one, or its date be exactly the stored Last-Modified and that be strong (a second or more before Date,
/// §8.8.2.2).
[[nodiscard]] bool range_condition_holds(Fields request, Fields stored, WallTime now);

/// Fields a 304 must carry when the 200 would (RFC 9110 §15.4.5), plus what caches downstream need.
[[nodiscard]] bool belongs_in_not_modified(FieldId id);

}  // namespace yz::http
