#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/problem.h"

namespace yz::control {

/// Why a call was refused or failed, as the API says it: RFC 9457, `application/problem+json`. Made from an Error by
/// its code, or by one of the functions below where the status says more than the code.
struct Problem {
  int status = 500;
  std::string code;        ///< last part of `type`: "urn:yizhan:problem:<code>"
  std::string title;       ///< the same for every problem of this code
  std::string detail;      ///< about this one
  model::Problems errors;  ///< by JSON pointer, when a body did not fit
  bool retryable = false;
  std::chrono::seconds retry_after{1};  ///< of a 429 or 503

  Problem() = default;
  /// Maps the code: kInvalid 400, kUnauthenticated 401, kPermission 403, kNotFound 404, kAlreadyExists and kConflict
  /// 409, kLimit 429, kUnavailable 503, kTimeout 504, the rest 500 (whose message stays in the log).
  Problem(Error error);  // implicit: so that YZ_TRY works in handlers

  /// The closest Error: carries a problem through a transaction, which knows Errors alone.
  [[nodiscard]] Error to_error() const;
  /// The document. `instance` is the request's path.
  [[nodiscard]] std::string to_json(std::string_view instance, std::string_view request_id) const;
};

/// 422: the body is JSON but does not fit.
[[nodiscard]] Problem unprocessable(model::Problems errors);
[[nodiscard]] Problem unprocessable(std::string pointer, std::string message);
/// 400: a query parameter or the text of the body.
[[nodiscard]] Problem bad_request(std::string detail);
/// 404: "no <what>".
[[nodiscard]] Problem not_found(std::string_view what);
/// 409 with a reason.
[[nodiscard]] Problem conflict(std::string detail);
/// 412: the resource has changed since the caller read it.
[[nodiscard]] Problem precondition_failed();
/// 428: a change without If-Match (RFC 6585 §3).
[[nodiscard]] Problem precondition_required();
/// 403: somebody who is bound to some domains cannot make another.
[[nodiscard]] Problem bound_to_domains();
/// Any other status.
[[nodiscard]] Problem problem(int status, std::string code, std::string title, std::string detail);

}  // namespace yz::control
