#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "store/stored.h"
#include "store/transaction.h"
#include "store/user_store.h"

namespace yz::store {

using SessionId = StrongId<struct SessionTag>;

/// How long a session lasts: `idle` without a request, `lifetime` whatever happens.
struct SessionLimits {
  std::chrono::milliseconds idle = std::chrono::hours(2);
  std::chrono::milliseconds lifetime = std::chrono::hours(24);
};

/// One signed-in browser. Its secret, the cookie's value, is kept as SHA-256 only.
struct Session {
  SessionId id;
  UserId user;
  WallTime created;
  WallTime last_seen;
  WallTime expires;  ///< at the latest
  std::string user_agent;
  std::string address;
};

struct NewSession {
  Session session;
  std::string secret;  ///< 256 random bits, base64url; given to the browser, never stored
};

/// Server-side sessions of users.
class SessionStore final {
 public:
  explicit SessionStore(Transaction& tx) : tx_(tx) {}

  Result<NewSession> create(UserId user, std::string_view user_agent, std::string_view address,
                            const SessionLimits& limits, WallTime now);
  /// The session of a secret. Fails with kUnauthenticated when there is none, or it has expired or been idle too long.
  Result<Session> authenticate(std::string_view secret, const SessionLimits& limits, WallTime now);
  /// Notes the use; call it apart from `authenticate`, at most once a minute for each session.
  Status touch(SessionId id, std::string_view address, WallTime now);
  /// Those of a user that still last, by id.
  Result<std::vector<Session>> list(UserId user, const SessionLimits& limits, WallTime now);
  /// False when the user has no such session.
  Result<bool> revoke(UserId user, SessionId id);
  /// All of a user but one (zero: all); how many.
  Result<std::uint64_t> revoke_all(UserId user, SessionId except = {});
  Result<std::uint64_t> drop_expired(const SessionLimits& limits, WallTime now);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
