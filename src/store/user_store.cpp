#include "store/user_store.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "store/audit_log.h"
#include "store/dialect.h"
#include "store/page_query.h"
#include "store/resource_rows.h"
#include "store/sealer.h"

namespace yz::store {
namespace {

constexpr std::string_view kColumns =
    "id, email, name, role, tenant, domains, enabled, must_change, totp_confirmed_at, last_login_at, version, "
    "created_at, updated_at, "
    "(SELECT issuer FROM user_identity WHERE account = user_account.id ORDER BY linked_at DESC LIMIT 1)";
constexpr std::size_t kColumnCount = 14;

Stored<User> read_user(const Row& row) {
  return {.value = {.id = row.id<UserId>(0),
                    .email = row.text(1),
                    .name = row.text(2),
                    .role = row.text(3),
                    .tenant = row.id<model::TenantId>(4),
                    .domains = domains_from_text(row.text(5)),
                    .enabled = row.boolean(6),
                    .must_change_password = row.boolean(7),
                    .has_second_factor = !row.is_null(8),
                    .identity_issuer = row.is_null(13) ? std::string() : row.text(13),
                    .last_login = row.optional_time(9)},
          .version = row.u64(10),
          .seq = {},
          .created = row.time(11),
          .updated = row.time(12)};
}

nlohmann::json describe(const User& user) {
  nlohmann::json out = {{"email", user.email}, {"name", user.name}, {"role", user.role}, {"enabled", user.enabled}};
  for (const model::DomainId id : user.domains) out["domains"].push_back(id.value);
  return out;
}

Status audit(Transaction& tx, Author author, std::string_view action, const User& user, const nlohmann::json& detail) {
  author.tenant = user.tenant;
  return AuditLog(tx).add(author, action, "user", to_string(user.id), detail.dump());
}

Value tenant_value(model::TenantId tenant) { return tenant ? Value(tenant) : Value(); }
Value domains_value(const User& user) { return user.domains.empty() ? Value() : Value(domains_to_text(user.domains)); }

std::string totp_context(UserId id) { return fmt::format("totp {}", id.value); }

tl::unexpected<Error> no_user(UserId id) {
  return fail(Code::kNotFound, fmt::format("there is no user {}", id.value), Fault::kClient);
}

}  // namespace

std::string domains_to_text(const std::vector<model::DomainId>& domains) {
  nlohmann::json out = nlohmann::json::array();
  for (const model::DomainId id : domains) out.push_back(id.value);
  return out.dump();
}

std::vector<model::DomainId> domains_from_text(std::string_view text) {
  std::vector<model::DomainId> out;
  const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_array()) return out;
  for (const auto& item : parsed) {
    if (item.is_number_unsigned()) out.push_back(model::DomainId{item.get<std::uint64_t>()});
  }
  return out;
}

Result<Stored<User>> UserStore::create(const Author& author, User user, std::string_view password_hash) {
  auto id = tx_.insert(
      "INSERT INTO user_account (email, name, role, tenant, domains, enabled, password_hash, password_at, must_change, "
      "totp_step, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?)",
      {user.email, user.name, user.role, tenant_value(user.tenant), domains_value(user), user.enabled, password_hash,
       author.at, user.must_change_password, author.at, author.at});
  if (!id) return fail(as_client_error(std::move(id).error(), "user"));
  user.id = UserId{*id};
  user.has_second_factor = false;
  user.identity_issuer.clear();
  user.last_login.reset();
  YZ_CHECK(audit(tx_, author, "create", user, {{"after", describe(user)}}));
  return Stored<User>{.value = std::move(user), .version = 1, .seq = {}, .created = author.at, .updated = author.at};
}

Result<Stored<User>> UserStore::get(UserId id) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM user_account WHERE id = ?", kColumns), kColumnCount, {id}));
  if (!row) return no_user(id);
  return read_user(*row);
}

Result<Stored<User>> UserStore::lock(UserId id, std::optional<std::uint64_t> expected) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM user_account WHERE id = ?{}", kColumns, tx_.dialect().for_update()),
                       kColumnCount, {id}));
  if (!row) return no_user(id);
  Stored<User> found = read_user(*row);
  if (expected && *expected != found.version) return version_mismatch(found.version, *expected);
  return found;
}

Result<std::optional<Stored<User>>> UserStore::find(std::string_view email) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM user_account WHERE email = ?", kColumns), kColumnCount, {email}));
  if (!row) return std::nullopt;
  return read_user(*row);
}

Result<Listing<Stored<User>>> UserStore::list(const UserFilter& filter, Page page) {
  PageQuery query(kColumns, kColumnCount, "user_account", page);
  if (filter.tenant) query.where("tenant", tenant_value(*filter.tenant));
  if (!filter.email.empty()) query.where("email", filter.email);
  return query.read<Stored<User>>(tx_, &read_user);
}

Result<std::uint64_t> UserStore::count() {
  YZ_TRY(const auto row, tx_.query_one("SELECT COUNT(*) FROM user_account", 1));
  return row ? row->u64(0) : 0;
}

Result<Stored<User>> UserStore::update(const Author& author, User user, std::optional<std::uint64_t> expected) {
  YZ_TRY(Stored<User> before, lock(user.id, expected));
  auto done = tx_.execute(
      "UPDATE user_account SET email = ?, name = ?, role = ?, tenant = ?, domains = ?, enabled = ?, "
      "version = version + 1, updated_at = ? WHERE id = ?",
      {user.email, user.name, user.role, tenant_value(user.tenant), domains_value(user), user.enabled, author.at,
       user.id});
  if (!done) return fail(as_client_error(std::move(done).error(), "user"));
  YZ_CHECK(audit(tx_, author, "update", user, {{"before", describe(before.value)}, {"after", describe(user)}}));
  user.must_change_password = before.value.must_change_password;
  user.has_second_factor = before.value.has_second_factor;
  user.identity_issuer = before.value.identity_issuer;
  user.last_login = before.value.last_login;
  before.value = std::move(user);
  before.version += 1;
  before.updated = author.at;
  return before;
}

Status UserStore::remove(const Author& author, UserId id, std::optional<std::uint64_t> expected) {
  YZ_TRY(const Stored<User> before, lock(id, expected));
  YZ_CHECK(tx_.execute("DELETE FROM recovery_code WHERE account = ?", {id}));
  YZ_CHECK(tx_.execute("DELETE FROM user_session WHERE account = ?", {id}));
  YZ_CHECK(tx_.execute("DELETE FROM user_identity WHERE account = ?", {id}));
  YZ_CHECK(tx_.execute("DELETE FROM user_account WHERE id = ?", {id}));
  return audit(tx_, author, "delete", before.value, {{"before", describe(before.value)}});
}

Result<UserCredentials> UserStore::credentials(UserId id) {
  YZ_TRY(const auto row,
         tx_.query_one("SELECT password_hash, totp, totp_confirmed_at, totp_step FROM user_account WHERE id = ?", 4,
                       {id}));
  if (!row) return no_user(id);
  std::string totp;
  if (!row->is_null(1)) {
    YZ_TRY(totp, tx_.sealer().open(totp_context(id), row->text(1)));
  }
  return UserCredentials{.password_hash = row->text(0),
                         .totp = std::move(totp),
                         .totp_confirmed = !row->is_null(2),
                         .totp_step = row->u64(3)};
}

Status UserStore::set_password(const Author& author, UserId id, std::string_view hash, bool must_change,
                               std::string_view action) {
  YZ_TRY(const Stored<User> before, lock(id, {}));
  YZ_CHECK(
      tx_.execute("UPDATE user_account SET password_hash = ?, password_at = ?, must_change = ?, version = version + 1, "
                  "updated_at = ? WHERE id = ?",
                  {hash, author.at, must_change, author.at, id}));
  return audit(tx_, author, action, before.value, nlohmann::json::object());
}

Status UserStore::renew_hash(UserId id, std::string_view hash) {
  YZ_CHECK(tx_.execute("UPDATE user_account SET password_hash = ? WHERE id = ?", {hash, id}));
  return {};
}

Status UserStore::note_login(UserId id, WallTime now) {
  YZ_CHECK(tx_.execute("UPDATE user_account SET last_login_at = ? WHERE id = ?", {now, id}));
  return {};
}

Status UserStore::begin_totp(UserId id, std::string_view secret) {
  YZ_TRY(const Stored<User> before, lock(id, {}));
  if (before.value.has_second_factor) {
    return fail(Code::kConflict, "a second factor is in force; disable it first", Fault::kClient);
  }
  YZ_CHECK(tx_.execute("UPDATE user_account SET totp = ?, totp_step = 0 WHERE id = ?",
                       {tx_.sealer().seal(totp_context(id), secret), id}));
  return {};
}

Status UserStore::confirm_totp(const Author& author, UserId id, std::uint64_t step,
                               const std::vector<std::string>& code_hashes) {
  YZ_TRY(const Stored<User> before, lock(id, {}));
  YZ_CHECK(
      tx_.execute("UPDATE user_account SET totp_confirmed_at = ?, totp_step = ?, version = version + 1, updated_at = ? "
                  "WHERE id = ?",
                  {author.at, step, author.at, id}));
  YZ_CHECK(tx_.execute("DELETE FROM recovery_code WHERE account = ?", {id}));
  for (const std::string& hash : code_hashes) {
    YZ_CHECK(tx_.execute("INSERT INTO recovery_code (account, hash) VALUES (?, ?)", {id, hash}));
  }
  return audit(tx_, author, "enable_totp", before.value, nlohmann::json::object());
}

Result<bool> UserStore::use_totp_step(UserId id, std::uint64_t step) {
  YZ_TRY(const auto changed,
         tx_.execute("UPDATE user_account SET totp_step = ? WHERE id = ? AND totp_step < ?", {step, id, step}));
  return changed == 1;
}

Status UserStore::drop_totp(const Author& author, UserId id, std::string_view action) {
  YZ_TRY(const Stored<User> before, lock(id, {}));
  YZ_CHECK(tx_.execute("DELETE FROM recovery_code WHERE account = ?", {id}));
  YZ_CHECK(tx_.execute(
      "UPDATE user_account SET totp = NULL, totp_confirmed_at = NULL, totp_step = 0, version = version + 1, "
      "updated_at = ? WHERE id = ?",
      {author.at, id}));
  return audit(tx_, author, action, before.value, nlohmann::json::object());
}

Result<bool> UserStore::use_recovery_code(UserId id, std::string_view hash) {
  YZ_TRY(const auto changed, tx_.execute("DELETE FROM recovery_code WHERE account = ? AND hash = ?", {id, hash}));
  return changed == 1;
}

Result<std::uint64_t> UserStore::recovery_codes_left(UserId id) {
  YZ_TRY(const auto row, tx_.query_one("SELECT COUNT(*) FROM recovery_code WHERE account = ?", 1, {id}));
  return row ? row->u64(0) : 0;
}

}  // namespace yz::store
