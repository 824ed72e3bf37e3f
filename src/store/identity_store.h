#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/stored.h"
#include "store/transaction.h"
#include "store/user_store.h"

namespace yz::store {

/// Which user somebody is whom an identity provider knows by a subject. A user has one subject at most at an issuer: an
/// address that the provider gives to somebody else later does not give them the user. Shared by all instances.
class IdentityStore final {
 public:
  explicit IdentityStore(Transaction& tx) : tx_(tx) {}

  Result<std::optional<UserId>> find(std::string_view issuer, std::string_view subject);
  /// Audited. Fails with kConflict, the client's fault, when the user is another subject at this issuer already, or the
  /// subject another user.
  Status link(const Author& author, UserId user, std::string_view issuer, std::string_view subject);
  /// All of a user; how many. Audited when there were any.
  Result<std::uint64_t> unlink_all(const Author& author, UserId user);

  /// Marks a login as come back; `state` is its secret, kept as SHA-256. False when it was marked before: replayed.
  Result<bool> use_login(std::string_view state, WallTime expires);
  Result<std::uint64_t> drop_expired_logins(WallTime now);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
