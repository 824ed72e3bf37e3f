#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

using TokenId = StrongId<struct ApiTokenTag>;

/// An API token, without its secret: only the secret's SHA-256 is stored.
struct ApiToken {
  TokenId id;
  std::string name;
  std::string role;        ///< "operator" or "tenant": control gives them their meaning
  model::TenantId tenant;  ///< zero: an operator's
  WallTime created;
  std::optional<WallTime> expires;
  std::optional<WallTime> last_used;
  std::vector<std::string> permissions;  ///< of its role's, the only ones; empty: all
  std::vector<std::string> addresses;    ///< address blocks it may come from; empty: any
  std::vector<model::DomainId> domains;  ///< the only ones it may see; empty: all of its tenant
};

struct NewToken {
  ApiToken token;
  std::string secret;  ///< shown once, never stored
};

/// Bearer tokens of the API. Creation and revocation are audited.
class TokenStore final {
 public:
  explicit TokenStore(Transaction& tx) : tx_(tx) {}

  /// `token.id` and `created` are set here. The secret is "yz_" and 256 random bits.
  Result<NewToken> create(const Author& author, ApiToken token);
  /// The same with a secret chosen by the operator (first start from a file); at least 16 bytes, kInvalid otherwise.
  /// kAlreadyExists when a token has it.
  Result<ApiToken> create_with_secret(const Author& author, ApiToken token, std::string_view secret);
  /// The token of a secret that is neither revoked nor expired at `now`. Fails with kUnauthenticated.
  Result<ApiToken> authenticate(std::string_view secret, WallTime now);
  /// Notes the use; call it apart from `authenticate`, at most once a minute for each token.
  Status touch(TokenId id, WallTime now);
  Result<Listing<ApiToken>> list(Page page, std::optional<model::TenantId> tenant = {});
  /// Fails with kNotFound.
  Result<ApiToken> get(TokenId id);
  Status revoke(const Author& author, TokenId id);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
