#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/ids.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

using JoinTokenId = StrongId<struct JoinTokenTag>;

/// What one join token allows: one enrolment, of an edge node or of a scheduler, before it expires.
struct JoinToken {
  JoinTokenId id;
  std::string role;    ///< "edge" or "scheduler"
  model::NodeId node;  ///< the node it enrols; zero: a scheduler
  std::string name;    ///< a scheduler's name; empty for a node
  WallTime created;
  WallTime expires;
  std::optional<WallTime> used;
  std::string used_by;  ///< address it was used from
};

struct NewJoinToken {
  JoinToken token;
  std::string secret;  ///< shown once, never stored
};

/// Single-use tokens with which agents and schedulers enrol. Stored as SHA-256; creation and use are audited.
class JoinTokenStore final {
 public:
  explicit JoinTokenStore(Transaction& tx) : tx_(tx) {}

  /// `token.id`, `created` and `used` are set here.
  Result<NewJoinToken> create(const Author& author, JoinToken token);
  /// Uses the token up: of any number of transactions that try at once exactly one succeeds. Fails with
  /// kUnauthenticated when it is unknown, expired or used.
  Result<JoinToken> redeem(std::string_view secret, std::string_view used_by, WallTime now);
  Result<Listing<JoinToken>> list(Page page);
  /// Removes tokens that expired before `before`. How many.
  Result<std::uint64_t> drop_expired(WallTime before);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
