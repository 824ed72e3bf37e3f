#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "http/fields.h"

namespace yz::http {

/// What proves that two responses carry the same bytes, so that parts of one may be joined with parts of the other
/// (RFC 9111 §3.4, RFC 9110 §13.1.5): a strong entity tag, or a Last-Modified that is strong by its distance to Date.
struct StrongValidator {
  bool is_date = false;  ///< a Last-Modified; else an entity tag
  std::string text;      ///< as received; also the value for If-Range

  friend bool operator==(const StrongValidator&, const StrongValidator&) = default;
};

/// The strong validator of a response, or none. A weak entity tag says that bytes may differ, whatever Last-Modified
/// says. Last-Modified is strong when Date is at least a second later (RFC 9110 §8.8.2.2).
[[nodiscard]] std::optional<StrongValidator> strong_validator(Fields response, WallTime now);

enum class SameVersion : std::uint8_t {
  kSame,
  kOther,
  kUnsaid,  ///< the response names no such validator
};
/// Whether `response` is of the version that `validator` names.
[[nodiscard]] SameVersion compare_version(const StrongValidator& validator, Fields response);

}  // namespace yz::http
