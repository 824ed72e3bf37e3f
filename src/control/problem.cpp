#include "control/problem.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace yz::control {
namespace {

struct Kind {
  int status;
  std::string_view title;
};

Kind kind_of(Code code) {
  switch (code) {
    case Code::kInvalid:
      return {400, "The request is not valid"};
    case Code::kUnauthenticated:
      return {401, "Authentication is needed"};
    case Code::kPermission:
      return {403, "Not allowed"};
    case Code::kNotFound:
      return {404, "Not found"};
    case Code::kAlreadyExists:
      return {409, "It exists already"};
    case Code::kConflict:
      return {409, "It conflicts with the present state"};
    case Code::kLimit:
      return {429, "A limit was reached"};
    case Code::kUnavailable:
      return {503, "Not available now"};
    case Code::kTimeout:
      return {504, "It took too long"};
    case Code::kUnsupported:
      return {501, "Not supported"};
    case Code::kCancelled:
    case Code::kCorrupt:
    case Code::kIo:
    case Code::kInternal:
      break;
  }
  return {500, "A fault of ours"};
}

Code code_of(int status) {
  switch (status) {
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermission;
    case 404:
      return Code::kNotFound;
    case 409:
    case 412:
    case 428:
      return Code::kConflict;
    case 429:
      return Code::kLimit;
    case 503:
      return Code::kUnavailable;
    case 504:
      return Code::kTimeout;
    default:
      return status < 500 ? Code::kInvalid : Code::kInternal;
  }
}

}  // namespace

Problem::Problem(Error error)
    : status(kind_of(error.code).status),
      code(yz::to_string(error.code)),
      title(kind_of(error.code).title),
      detail(std::move(error.message)),
      retryable(error.retryable) {}

Error Problem::to_error() const {
  return Error{code_of(status), status < 500 ? Fault::kClient : Fault::kSelf, retryable,
               detail.empty() ? title : detail};
}

std::string Problem::to_json(std::string_view instance, std::string_view request_id) const {
  nlohmann::json out = {{"type", "urn:yizhan:problem:" + code}, {"title", title}, {"status", status}};
  if (!detail.empty() && status != 500) out["detail"] = detail;
  if (!instance.empty()) out["instance"] = instance;
  if (!request_id.empty()) out["request_id"] = request_id;
  for (const model::Problem& error : errors) {
    out["errors"].push_back({{"pointer", error.pointer}, {"detail", error.message}});
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Problem problem(int status, std::string code, std::string title, std::string detail) {
  Problem out;
  out.status = status;
  out.code = std::move(code);
  out.title = std::move(title);
  out.detail = std::move(detail);
  return out;
}

Problem unprocessable(model::Problems errors) {
  Problem out = problem(422, "unprocessable", "The body does not fit", model::to_error(errors).message);
  out.errors = std::move(errors);
  return out;
}

Problem unprocessable(std::string pointer, std::string message) {
  return unprocessable(model::Problems{{std::move(pointer), std::move(message)}});
}

Problem bad_request(std::string detail) {
  return problem(400, "invalid", "The request is not valid", std::move(detail));
}

Problem not_found(std::string_view what) {
  return problem(404, "not_found", "Not found", "There is no " + std::string(what) + ".");
}

Problem conflict(std::string detail) {
  return problem(409, "conflict", "It conflicts with the present state", std::move(detail));
}

Problem bound_to_domains() {
  return problem(403, "permission", "Not allowed", "You work on some domains of the tenant and cannot make another.");
}

Problem precondition_failed() {
  return problem(412, "precondition_failed", "It has changed since you read it",
                 "Read the resource again and repeat the change with its new ETag.");
}

Problem precondition_required() {
  return problem(428, "precondition_required", "If-Match is needed",
                 "Send the ETag of the resource you mean to change in If-Match, or \"*\".");
}

}  // namespace yz::control
