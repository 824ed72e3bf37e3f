#include "store/session_store.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::store {
namespace {

constexpr std::string_view kColumns = "id, account, created_at, last_seen_at, expires_at, user_agent, address, hash";
constexpr std::size_t kColumnCount = 8;
constexpr std::size_t kHashColumn = 7;
constexpr std::size_t kLongestUserAgent = 512;
constexpr std::size_t kSecretBytes = 32;

std::string hash_of(std::string_view secret) { return to_hex(sha256(secret)); }

Session read_session(const Row& row) {
  return {.id = row.id<SessionId>(0),
          .user = row.id<UserId>(1),
          .created = row.time(2),
          .last_seen = row.time(3),
          .expires = row.time(4),
          .user_agent = row.text(5),
          .address = row.text(6)};
}

}  // namespace

Result<NewSession> SessionStore::create(UserId user, std::string_view user_agent, std::string_view address,
                                        const SessionLimits& limits, WallTime now) {
  NewSession out;
  out.secret = to_base64url(secret_bytes(kSecretBytes));
  user_agent = user_agent.substr(0, kLongestUserAgent);
  out.session = {.id = {},
                 .user = user,
                 .created = now,
                 .last_seen = now,
                 .expires = now + limits.lifetime,
                 .user_agent = is_utf8(user_agent) ? std::string(user_agent) : "",
                 .address = std::string(address)};
  YZ_TRY(const auto id,
         tx_.insert("INSERT INTO user_session (hash, account, created_at, last_seen_at, expires_at, "
                    "user_agent, address) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    {hash_of(out.secret), user, now, now, out.session.expires, out.session.user_agent, address}));
  out.session.id = SessionId{id};
  return out;
}

Result<Session> SessionStore::authenticate(std::string_view secret, const SessionLimits& limits, WallTime now) {
  const std::string hash = hash_of(secret);
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM user_session WHERE hash = ?", kColumns), kColumnCount, {hash}));
  if (!row || !equal_in_constant_time(row->text(kHashColumn), hash)) {
    return fail(Code::kUnauthenticated, "there is no such session", Fault::kClient);
  }
  Session session = read_session(*row);
  if (session.expires <= now || session.last_seen + limits.idle <= now) {
    return fail(Code::kUnauthenticated, "the session has ended", Fault::kClient);
  }
  return session;
}

Status SessionStore::touch(SessionId id, std::string_view address, WallTime now) {
  YZ_CHECK(tx_.execute("UPDATE user_session SET last_seen_at = ?, address = ? WHERE id = ?", {now, address, id}));
  return {};
}

Result<std::vector<Session>> SessionStore::list(UserId user, const SessionLimits& limits, WallTime now) {
  YZ_TRY(const Rows rows, tx_.query(fmt::format("SELECT {} FROM user_session WHERE account = ? AND expires_at > ? "
                                                "AND last_seen_at > ? ORDER BY id",
                                                kColumns),
                                    kColumnCount, {user, now, now - limits.idle}));
  std::vector<Session> out;
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back(read_session(row));
  return out;
}

Result<bool> SessionStore::revoke(UserId user, SessionId id) {
  YZ_TRY(const auto gone, tx_.execute("DELETE FROM user_session WHERE id = ? AND account = ?", {id, user}));
  return gone == 1;
}

Result<std::uint64_t> SessionStore::revoke_all(UserId user, SessionId except) {
  return tx_.execute("DELETE FROM user_session WHERE account = ? AND id <> ?", {user, except});
}

Result<std::uint64_t> SessionStore::drop_expired(const SessionLimits& limits, WallTime now) {
  return tx_.execute("DELETE FROM user_session WHERE expires_at <= ? OR last_seen_at <= ?", {now, now - limits.idle});
}

}  // namespace yz::store
