#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace yz {

/// What went wrong, in terms a caller can act on.
enum class Code : std::uint8_t {
  kInvalid,          ///< the input does not follow its grammar or bounds
  kNotFound,         ///< the named thing does not exist
  kAlreadyExists,    ///< the named thing exists already
  kConflict,         ///< a precondition (version, state) no longer holds
  kUnauthenticated,  ///< who is asking is not known
  kPermission,       ///< who is asking is known and may not
  kLimit,            ///< a size, count or rate limit was reached
  kTimeout,          ///< a deadline passed
  kUnavailable,      ///< refused, unreachable, closed or not ready
  kCancelled,        ///< the caller gave up
  kCorrupt,          ///< stored or received bytes fail their checksum or format
  kIo,               ///< a system call failed
  kUnsupported,      ///< understood, but not offered
  kInternal,         ///< a fault of ours
};

/// Whose fault an error is: decides 4xx (client), 502/504 or stale (origin), 500 and an alert (self).
enum class Fault : std::uint8_t { kSelf, kClient, kOrigin };

/// An ordinary failure as a value: what, whose fault, whether trying again can help, and one sentence for people.
/// Context is put in front on the way up (`with_context`); it is logged once, at the top.
struct Error {
  Code code = Code::kInternal;
  Fault fault = Fault::kSelf;
  bool retryable = false;
  std::string message;

  /// The same error with "where: " put in front of its message.
  [[nodiscard]] Error with_context(std::string_view where) &&;
  /// The same error, blamed on `who`.
  [[nodiscard]] Error blamed_on(Fault who) &&;
};

/// Stable lower-case name of a code ("not_found"), used in logs, metrics and API problems.
[[nodiscard]] std::string_view to_string(Code code);

/// A value or an Error. `[[nodiscard]]` by its type.
template <typename T>
using Result = tl::expected<T, Error>;

/// Success without a value.
using Status = Result<void>;

/// Makes the failure side of a Result. `retryable` is derived: time-outs and unavailability are, the rest is not.
[[nodiscard]] tl::unexpected<Error> fail(Code code, std::string message, Fault fault = Fault::kSelf);
/// The failure of a system call: "what: strerror(errno_value)"; the code follows the errno (ENOSPC is kLimit, …).
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string_view what, int errno_value);
/// Passes an error on.
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// Ends the process with file, line and the broken claim. Invariants only, never input.
[[noreturn]] void assertion_failed(const char* claim, const char* file, int line);

}  // namespace yz

#define YZ_CONCAT_INNER(a, b) a##b
#define YZ_CONCAT(a, b) YZ_CONCAT_INNER(a, b)

/// `YZ_TRY(auto x, expr);` declares x from a Result, or returns its error from the enclosing function.
#define YZ_TRY(declaration, ...) YZ_TRY_IMPL(YZ_CONCAT(yz_try_, __LINE__), declaration, return, __VA_ARGS__)
/// The same inside a coroutine.
#define YZ_CO_TRY(declaration, ...) YZ_TRY_IMPL(YZ_CONCAT(yz_try_, __LINE__), declaration, co_return, __VA_ARGS__)
#define YZ_TRY_IMPL(holder, declaration, leave, ...)                           \
  auto holder = (__VA_ARGS__);                                                 \
  if (!holder) leave ::tl::unexpected<::yz::Error>(std::move(holder).error()); \
  declaration = *std::move(holder)

/// Returns the error of a Status, if it has one.
#define YZ_CHECK(...)                                                     \
  do {                                                                    \
    if (auto yz_status = (__VA_ARGS__); !yz_status)                       \
      return ::tl::unexpected<::yz::Error>(std::move(yz_status).error()); \
  } while (false)
#define YZ_CO_CHECK(...)                                                     \
  do {                                                                       \
    if (auto yz_status = (__VA_ARGS__); !yz_status)                          \
      co_return ::tl::unexpected<::yz::Error>(std::move(yz_status).error()); \
  } while (false)

/// A claim that holds unless our own code is wrong; on in every build.
#define YZ_ASSERT(claim) \
  (__builtin_expect(static_cast<bool>(claim), 1) ? void() : ::yz::assertion_failed(#claim, __FILE__, __LINE__))
