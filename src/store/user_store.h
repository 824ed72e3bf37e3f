#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

using UserId = StrongId<struct UserTag>;

/// A person who signs in. What a role means is control's to say.
struct User {
  UserId id;
  std::string email;  ///< the name to sign in with, unique, lower case
  std::string name;
  std::string role;
  model::TenantId tenant;                ///< zero: one of the operator's people
  std::vector<model::DomainId> domains;  ///< the only ones it may see; empty: all of its tenant
  bool enabled = true;
  bool must_change_password = false;
  bool has_second_factor = false;  ///< a confirmed TOTP secret; never written by `create` or `update`
  std::string identity_issuer;     ///< of the identity linked last (IdentityStore); empty: none; nor written by them
  std::optional<WallTime> last_login;
};

/// What a login is checked against. Never leaves control.
struct UserCredentials {
  std::string password_hash;  ///< argon2's encoded form; empty: nobody can sign in
  std::string totp;           ///< the secret, as bytes (sealed in the database); empty: none
  bool totp_confirmed = false;
  std::uint64_t totp_step = 0;  ///< the last time step used: a code is good once
};

struct UserFilter {
  std::optional<model::TenantId> tenant;  ///< none: all; zero: the operator's people
  std::string email;                      ///< empty: all
};

/// Users and their credentials. Changes are audited, without any secret. Errors as in ResourceStore.
class UserStore final {
 public:
  explicit UserStore(Transaction& tx) : tx_(tx) {}

  Result<Stored<User>> create(const Author& author, User user, std::string_view password_hash);
  /// Fails with kNotFound.
  Result<Stored<User>> get(UserId id);
  Result<std::optional<Stored<User>>> find(std::string_view email);
  Result<Listing<Stored<User>>> list(const UserFilter& filter, Page page);
  Result<std::uint64_t> count();
  /// Email, name, role, tenant, domains and `enabled`.
  Result<Stored<User>> update(const Author& author, User user, std::optional<std::uint64_t> expected = {});
  /// With its sessions, recovery codes and identities.
  Status remove(const Author& author, UserId id, std::optional<std::uint64_t> expected = {});

  Result<UserCredentials> credentials(UserId id);
  /// `action` for the audit: "change_password" or "reset_password".
  Status set_password(const Author& author, UserId id, std::string_view hash, bool must_change,
                      std::string_view action);
  /// The same password in a stronger form: no change that anybody made.
  Status renew_hash(UserId id, std::string_view hash);
  Status note_login(UserId id, WallTime now);

  /// A new secret that waits for its confirmation; refused with kConflict while one is in force.
  Status begin_totp(UserId id, std::string_view secret);
  /// Puts the waiting secret in force, with the hashes of its recovery codes.
  Status confirm_totp(const Author& author, UserId id, std::uint64_t step, const std::vector<std::string>& code_hashes);
  /// Marks a time step as used. False when it or a later one was used already: the code is replayed.
  Result<bool> use_totp_step(UserId id, std::uint64_t step);
  Status drop_totp(const Author& author, UserId id, std::string_view action);
  /// Uses up a recovery code. False when there is none with this hash.
  Result<bool> use_recovery_code(UserId id, std::string_view hash);
  Result<std::uint64_t> recovery_codes_left(UserId id);

 private:
  Result<Stored<User>> lock(UserId id, std::optional<std::uint64_t> expected);
  Transaction& tx_;
};

/// Ids as a JSON array, and back; empty for none. Also for tokens.
[[nodiscard]] std::string domains_to_text(const std::vector<model::DomainId>& domains);
[[nodiscard]] std::vector<model::DomainId> domains_from_text(std::string_view text);

}  // namespace yz::store
