#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "store/transaction.h"

namespace yz::store {

/// How many logins may fail, and how long one then waits.
struct LoginLimit {
  std::uint64_t free = 5;              ///< attempts that cost nothing
  std::chrono::seconds first_wait{5};  ///< after one more; doubles with each further attempt
  std::chrono::seconds longest_wait = std::chrono::minutes(15);
  std::chrono::seconds forgotten_after = std::chrono::hours(1);  ///< without an attempt
};

/// Counts attempts to sign in by subject ("account:…", "address:…"), known or not. An attempt counts before it is
/// judged, so that many at once do not slip through; a success takes it back. Shared by all instances.
class LoginGuard final {
 public:
  explicit LoginGuard(Transaction& tx) : tx_(tx) {}

  /// Counts an attempt and gives zero; or how long to wait, when it must not be judged now.
  Result<std::chrono::seconds> take(std::string_view subject, const LoginLimit& limit, WallTime now);
  /// Takes back one attempt and the wait that it caused.
  Status give_back(std::string_view subject);
  Status forget(std::string_view subject);
  Result<std::uint64_t> drop_before(WallTime before);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
