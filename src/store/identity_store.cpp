#include "store/identity_store.h"

#include <string>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "store/audit_log.h"

namespace yz::store {
namespace {

std::string hash_of(std::string_view text) { return to_hex(sha256(text)); }

/// An issuer is a URL, so that the space ends it.
std::string hash_of(std::string_view issuer, std::string_view subject) {
  return hash_of(std::string(issuer).append(" ").append(subject));
}

}  // namespace

Result<std::optional<UserId>> IdentityStore::find(std::string_view issuer, std::string_view subject) {
  YZ_TRY(const auto row,
         tx_.query_one("SELECT account FROM user_identity WHERE hash = ?", 1, {hash_of(issuer, subject)}));
  if (!row) return std::nullopt;
  return row->id<UserId>(0);
}

Status IdentityStore::link(const Author& author, UserId user, std::string_view issuer, std::string_view subject) {
  auto done = tx_.execute(
      "INSERT INTO user_identity (hash, issuer_hash, account, issuer, subject, linked_at) VALUES (?, ?, ?, ?, ?, ?)",
      {hash_of(issuer, subject), hash_of(issuer), user, issuer, subject, author.at});
  if (!done && done.error().code == Code::kAlreadyExists) {
    return fail(Code::kConflict, "the user is somebody else at this identity provider", Fault::kClient);
  }
  if (!done) return fail(std::move(done).error());
  return AuditLog(tx_).add(author, "link_identity", "user", to_string(user),
                           nlohmann::json{{"issuer", issuer}, {"subject", subject}}.dump());
}

Result<std::uint64_t> IdentityStore::unlink_all(const Author& author, UserId user) {
  YZ_TRY(const auto gone, tx_.execute("DELETE FROM user_identity WHERE account = ?", {user}));
  if (gone > 0) YZ_CHECK(AuditLog(tx_).add(author, "unlink_identity", "user", to_string(user)));
  return gone;
}

Result<bool> IdentityStore::use_login(std::string_view state, WallTime expires) {
  auto done = tx_.execute("INSERT INTO used_login (hash, expires_at) VALUES (?, ?)", {hash_of(state), expires});
  if (!done && done.error().code == Code::kAlreadyExists) return false;
  if (!done) return fail(std::move(done).error());
  return true;
}

Result<std::uint64_t> IdentityStore::drop_expired_logins(WallTime now) {
  return tx_.execute("DELETE FROM used_login WHERE expires_at <= ?", {now});
}

}  // namespace yz::store
