#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace yz {

Error Error::with_context(std::string_view where) && {
  message.insert(0, ": ");
  message.insert(0, where);
  return std::move(*this);
}

Error Error::blamed_on(Fault who) && {
  fault = who;
  return std::move(*this);
}

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not_found";
    case Code::kAlreadyExists:
      return "already_exists";
    case Code::kConflict:
      return "conflict";
    case Code::kUnauthenticated:
      return "unauthenticated";
    case Code::kPermission:
      return "permission";
    case Code::kLimit:
      return "limit";
    case Code::kTimeout:
      return "timeout";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kCancelled:
      return "cancelled";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kIo:
      return "io";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

tl::unexpected<Error> fail(Code code, std::string message, Fault fault) {
  const bool retryable = code == Code::kTimeout || code == Code::kUnavailable;
  return tl::unexpected<Error>(Error{code, fault, retryable, std::move(message)});
}

static Code code_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
      return Code::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::kLimit;
    case ETIMEDOUT:
      return Code::kTimeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRINUSE:
    case EADDRNOTAVAIL:
      return Code::kUnavailable;
    case ECANCELED:
      return Code::kCancelled;
    case EINVAL:
      return Code::kInvalid;
    default:
      return Code::kIo;
  }
}

tl::unexpected<Error> fail_errno(std::string_view what, int errno_value) {
  std::string message(what);
  message += ": ";
  message += std::strerror(errno_value);
  return fail(code_of_errno(errno_value), std::move(message));
}

void assertion_failed(const char* claim, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, claim);
  std::abort();
}

}  // namespace yz
