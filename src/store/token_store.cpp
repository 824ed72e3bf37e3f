#include "store/token_store.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "store/audit_log.h"
#include "store/page_query.h"
#include "store/resource_rows.h"
#include "store/user_store.h"

namespace yz::store {
namespace {

constexpr std::string_view kColumns =
    "id, name, role, tenant, created_at, expires_at, last_used_at, permissions, addresses, "
    "domains, hash";
constexpr std::size_t kColumnCount = 11;
constexpr std::size_t kHashColumn = 10;
constexpr std::size_t kShortestSecret = 16;

std::string hash_of(std::string_view secret) { return to_hex(sha256(secret)); }

std::vector<std::string> strings_from_text(std::string_view text) {
  std::vector<std::string> out;
  const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_array()) return out;
  for (const auto& item : parsed) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

Value strings_value(const std::vector<std::string>& strings) {
  return strings.empty() ? Value() : Value(nlohmann::json(strings).dump());
}

ApiToken read_token(const Row& row) {
  return {.id = row.id<TokenId>(0),
          .name = row.text(1),
          .role = row.text(2),
          .tenant = row.id<model::TenantId>(3),
          .created = row.time(4),
          .expires = row.optional_time(5),
          .last_used = row.optional_time(6),
          .permissions = strings_from_text(row.text(7)),
          .addresses = strings_from_text(row.text(8)),
          .domains = domains_from_text(row.text(9))};
}

Status audit(Transaction& tx, Author author, std::string_view action, const ApiToken& token) {
  if (token.tenant) author.tenant = token.tenant;
  nlohmann::json detail = {{"name", token.name}, {"role", token.role}, {"tenant", token.tenant.value}};
  if (!token.permissions.empty()) detail["permissions"] = token.permissions;
  if (!token.addresses.empty()) detail["addresses"] = token.addresses;
  for (const model::DomainId id : token.domains) detail["domains"].push_back(id.value);
  return AuditLog(tx).add(author, action, "token", to_string(token.id), detail.dump());
}

}  // namespace

Result<NewToken> TokenStore::create(const Author& author, ApiToken token) {
  std::string secret = "yz_" + to_base64url(secret_bytes(32));
  YZ_TRY(ApiToken stored, create_with_secret(author, std::move(token), secret));
  return NewToken{std::move(stored), std::move(secret)};
}

Result<ApiToken> TokenStore::create_with_secret(const Author& author, ApiToken token, std::string_view secret) {
  if (secret.size() < kShortestSecret) {
    return fail(Code::kInvalid, fmt::format("a token has at least {} characters", kShortestSecret), Fault::kClient);
  }
  token.created = author.at;
  token.last_used.reset();
  auto id = tx_.insert(
      "INSERT INTO api_token (name, hash, role, tenant, created_at, expires_at, permissions, addresses, "
      "domains) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {token.name, hash_of(secret), token.role, token.tenant ? Value(token.tenant) : Value(), token.created,
       token.expires, strings_value(token.permissions), strings_value(token.addresses),
       token.domains.empty() ? Value() : Value(domains_to_text(token.domains))});
  if (!id) return fail(as_client_error(std::move(id).error(), "token"));
  token.id = TokenId{*id};
  YZ_CHECK(audit(tx_, author, "create", token));
  return token;
}

Result<ApiToken> TokenStore::authenticate(std::string_view secret, WallTime now) {
  const std::string hash = hash_of(secret);
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM api_token WHERE hash = ?", kColumns), kColumnCount, {hash}));
  if (!row || !equal_in_constant_time(row->text(kHashColumn), hash))
    return fail(Code::kUnauthenticated, "the token is not known", Fault::kClient);
  ApiToken token = read_token(*row);
  if (token.expires && *token.expires <= now) {
    return fail(Code::kUnauthenticated, "the token has expired", Fault::kClient);
  }
  return token;
}

Status TokenStore::touch(TokenId id, WallTime now) {
  YZ_CHECK(tx_.execute("UPDATE api_token SET last_used_at = ? WHERE id = ?", {now, id}));
  return {};
}

Result<Listing<ApiToken>> TokenStore::list(Page page, std::optional<model::TenantId> tenant) {
  PageQuery query(kColumns, kColumnCount, "api_token", page);
  if (tenant) query.where("tenant", *tenant);
  return query.read<ApiToken>(tx_, &read_token);
}

Result<ApiToken> TokenStore::get(TokenId id) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM api_token WHERE id = ?", kColumns), kColumnCount, {id}));
  if (!row) return fail(Code::kNotFound, fmt::format("there is no token {}", id.value), Fault::kClient);
  return read_token(*row);
}

Status TokenStore::revoke(const Author& author, TokenId id) {
  YZ_TRY(const ApiToken token, get(id));
  YZ_CHECK(tx_.execute("DELETE FROM api_token WHERE id = ?", {id}));
  return audit(tx_, author, "delete", token);
}

}  // namespace yz::store
