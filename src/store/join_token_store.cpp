#include "store/join_token_store.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "store/audit_log.h"
#include "store/page_query.h"

namespace yz::store {
namespace {

constexpr std::string_view kColumns = "id, role, node, name, created_at, expires_at, used_at, used_by";
constexpr std::size_t kColumnCount = 8;
constexpr std::size_t kSecretBytes = 24;  // 48 hex digits: what a join token's text carries (rpc/ca.h)

JoinToken read_token(const Row& row) {
  return {.id = row.id<JoinTokenId>(0),
          .role = row.text(1),
          .node = row.id<model::NodeId>(2),
          .name = row.text(3),
          .created = row.time(4),
          .expires = row.time(5),
          .used = row.optional_time(6),
          .used_by = row.text(7)};
}

std::string detail_of(const JoinToken& token) {
  return nlohmann::json{{"role", token.role}, {"node", token.node.value}, {"name", token.name}}.dump();
}

}  // namespace

Result<NewJoinToken> JoinTokenStore::create(const Author& author, JoinToken token) {
  std::string secret = to_hex(secret_bytes(kSecretBytes));
  token.created = author.at;
  token.used.reset();
  token.used_by.clear();
  YZ_TRY(const auto id,
         tx_.insert("INSERT INTO join_token (hash, role, node, name, created_at, expires_at, used_by) "
                    "VALUES (?, ?, ?, ?, ?, ?, '')",
                    {to_hex(sha256(secret)), token.role, token.node, token.name, token.created, token.expires}));
  token.id = JoinTokenId{id};
  YZ_CHECK(AuditLog(tx_).add(author, "create", "join_token", to_string(token.id), detail_of(token)));
  return NewJoinToken{std::move(token), std::move(secret)};
}

Result<JoinToken> JoinTokenStore::redeem(std::string_view secret, std::string_view used_by, WallTime now) {
  const std::string hash = to_hex(sha256(secret));
  // The condition is part of the update: whoever changes the row has the token.
  YZ_TRY(const auto changed, tx_.execute("UPDATE join_token SET used_at = ?, used_by = ? "
                                         "WHERE hash = ? AND used_at IS NULL AND expires_at > ?",
                                         {now, used_by, hash, now}));
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM join_token WHERE hash = ?", kColumns), kColumnCount, {hash}));
  if (!row) return fail(Code::kUnauthenticated, "the join token is not known", Fault::kClient);
  JoinToken token = read_token(*row);
  if (changed == 0) {
    const std::string_view why = token.expires <= now ? "has expired" : "was used before";
    return fail(Code::kUnauthenticated, fmt::format("the join token {}", why), Fault::kClient);
  }
  const Author author{.actor = fmt::format("join_token:{}", token.id.value),
                      .address = std::string(used_by),
                      .request_id = {},
                      .tenant = {},
                      .at = now};
  YZ_CHECK(AuditLog(tx_).add(author, "redeem", "join_token", to_string(token.id), detail_of(token)));
  return token;
}

Result<Listing<JoinToken>> JoinTokenStore::list(Page page) {
  return PageQuery(kColumns, kColumnCount, "join_token", page).read<JoinToken>(tx_, &read_token);
}

Result<std::uint64_t> JoinTokenStore::drop_expired(WallTime before) {
  return tx_.execute("DELETE FROM join_token WHERE expires_at < ?", {before});
}

}  // namespace yz::store
