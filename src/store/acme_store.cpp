#include "store/acme_store.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "store/audit_log.h"
#include "store/page_query.h"
#include "store/resource_rows.h"
#include "store/sealer.h"

namespace yz::store {
namespace {

using nlohmann::json;

constexpr std::string_view kStates[] = {"pending", "validating", "issuing", "deploying", "valid", "failed"};

template <typename Enum>
std::uint64_t number(Enum value) {
  return static_cast<std::uint64_t>(value);
}

std::string to_list(const std::vector<std::string>& texts) { return json(texts).dump(); }

std::vector<std::string> from_list(const json& list) {
  std::vector<std::string> out;
  if (!list.is_array()) return out;
  for (const json& one : list) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}
std::vector<std::string> from_list(const std::string& text) { return from_list(json::parse(text, nullptr, false)); }

// What sealed texts are bound to.
std::string context_of(AcmeAccountId id) { return fmt::format("acme account {}", id.value); }
std::string context_of(AcmeOrderId id) { return fmt::format("acme order {}", id.value); }

/// What of an account needs no column of its own.
std::string settings_of(const AcmeAccount& account) {
  return json{{"contacts", account.contacts},
              {"external_key_id", account.external_key_id},
              {"ca_pem", account.ca_pem},
              {"preferred_root", account.preferred_root},
              {"blocked", account.blocked}}
      .dump();
}

void read_settings(const std::string& text, AcmeAccount& account) {
  const json settings = json::parse(text, nullptr, false);
  if (!settings.is_object()) return;
  account.contacts = from_list(settings.value("contacts", json::array()));
  account.external_key_id = settings.value("external_key_id", "");
  account.ca_pem = settings.value("ca_pem", "");
  account.preferred_root = settings.value("preferred_root", "");
  account.blocked = from_list(settings.value("blocked", json::array()));
}

std::string detail_of(const AcmeAccount& account) {
  return json{{"name", account.name}, {"directory", account.directory}, {"enabled", account.enabled}}.dump();
}

constexpr std::string_view kOrderColumns =
    "id, tenant, account, pinned, certificate, certificate_name, names, challenge, key_kind, cause, state, url, "
    "certificate_key, replaces, attempts, rejections, next_at, error, created_at, finished_at";
constexpr std::size_t kOrderColumnCount = 20;

Result<AcmeOrder> read_order(const Sealer& sealer, const Row& row) {
  AcmeOrder out{.id = row.id<AcmeOrderId>(0),
                .tenant = row.id<model::TenantId>(1),
                .account = row.id<AcmeAccountId>(2),
                .pinned = row.boolean(3),
                .certificate = row.id<model::CertificateId>(4),
                .certificate_name = row.text(5),
                .names = from_list(row.text(6)),
                .challenge = static_cast<model::ChallengeKind>(row.u64(7)),
                .key_kind = static_cast<CertificateKey>(row.u64(8)),
                .cause = static_cast<AcmeCause>(row.u64(9)),
                .state = static_cast<AcmeOrderState>(row.u64(10)),
                .url = row.text(11)};
  if (!row.text(12).empty()) {
    YZ_TRY(out.key_pem, sealer.open(context_of(out.id), row.text(12)));
  }
  out.replaces = row.text(13);
  out.attempts = row.u64(14);
  out.rejections = row.u64(15);
  out.next_at = row.time(16);
  out.error = row.text(17);
  out.created = row.time(18);
  out.finished = row.time(19);
  return out;
}

tl::unexpected<Error> no_such(std::string_view what, std::uint64_t id) {
  return fail(Code::kNotFound, fmt::format("there is no {} {}", what, id), Fault::kClient);
}

}  // namespace

std::string_view to_string(AcmeOrderState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<AcmeOrderState> parse_order_state(std::string_view text) {
  const auto* it = std::ranges::find(kStates, text);
  if (it == std::end(kStates)) return std::nullopt;
  return static_cast<AcmeOrderState>(it - std::begin(kStates));
}

Result<AcmeAccount> AcmeAccountStore::create(const Author& author, AcmeAccount account) {
  account.created = account.updated = author.at;
  account.version = 1;
  auto id = tx_.insert(
      "INSERT INTO acme_account (name, directory, settings, priority, enabled, account_key, mac_key, url, "
      "blocked_until, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, '', '', '', 0, 1, ?, ?)",
      {account.name, account.directory, settings_of(account), account.priority, account.enabled, account.created,
       account.updated});
  if (!id) return fail(as_client_error(std::move(id).error(), fmt::format("account '{}'", account.name)));
  account.id = AcmeAccountId{*id};
  const std::string context = context_of(account.id);
  YZ_CHECK(tx_.execute(
      "UPDATE acme_account SET account_key = ?, mac_key = ? WHERE id = ?",
      {tx_.sealer().seal(context, account.key_pem), tx_.sealer().seal(context, account.mac_key), account.id}));
  YZ_CHECK(AuditLog(tx_).add(author, "create", "acme_account", yz::to_string(account.id), detail_of(account)));
  return account;
}

Result<std::vector<AcmeAccount>> AcmeAccountStore::select(std::string_view where,
                                                          const std::vector<Value>& parameters) {
  YZ_TRY(const Rows rows, tx_.query(fmt::format("SELECT id, name, directory, settings, priority, enabled, account_key, "
                                                "mac_key, url, blocked_until, version, created_at, updated_at "
                                                "FROM acme_account {} ORDER BY priority, id",
                                                where),
                                    13, parameters));
  std::vector<AcmeAccount> out;
  for (const Row& row : rows) {
    AcmeAccount one{.id = row.id<AcmeAccountId>(0), .name = row.text(1), .directory = row.text(2)};
    read_settings(row.text(3), one);
    one.priority = row.u64(4);
    one.enabled = row.boolean(5);
    const std::string context = context_of(one.id);
    YZ_TRY(one.key_pem, tx_.sealer().open(context, row.text(6)));
    YZ_TRY(one.mac_key, tx_.sealer().open(context, row.text(7)));
    one.url = row.text(8);
    one.blocked_until = row.time(9);
    one.version = row.u64(10);
    one.created = row.time(11);
    one.updated = row.time(12);
    out.push_back(std::move(one));
  }
  return out;
}

Result<AcmeAccount> AcmeAccountStore::get(AcmeAccountId id) {
  YZ_TRY(auto found, select("WHERE id = ?", {id}));
  if (found.empty()) return no_such("ACME account", id.value);
  return std::move(found.front());
}

Result<std::vector<AcmeAccount>> AcmeAccountStore::list() { return select("", {}); }

Result<AcmeAccount> AcmeAccountStore::update(const Author& author, AcmeAccount account, std::uint64_t expected) {
  YZ_TRY(const AcmeAccount before, get(account.id));
  if (before.version != expected) return version_mismatch(before.version, expected);
  account.version = before.version + 1;
  account.created = before.created;
  account.updated = author.at;
  // Another authority knows nothing of this account.
  account.url = account.directory == before.directory ? before.url : "";
  auto done = tx_.execute(
      "UPDATE acme_account SET name = ?, directory = ?, settings = ?, priority = ?, enabled = ?, mac_key = ?, url = ?, "
      "version = ?, updated_at = ? WHERE id = ?",
      {account.name, account.directory, settings_of(account), account.priority, account.enabled,
       tx_.sealer().seal(context_of(account.id), account.mac_key), account.url, account.version, account.updated,
       account.id});
  if (!done) return fail(as_client_error(std::move(done).error(), fmt::format("account '{}'", account.name)));
  YZ_CHECK(AuditLog(tx_).add(author, "update", "acme_account", yz::to_string(account.id), detail_of(account)));
  return account;
}

Status AcmeAccountStore::remove(const Author& author, AcmeAccountId id, std::uint64_t expected) {
  YZ_TRY(const AcmeAccount before, get(id));
  if (before.version != expected) return version_mismatch(before.version, expected);
  YZ_TRY(const auto used, tx_.query_one("SELECT COUNT(*) FROM acme_order WHERE account = ? AND state < ?", 1,
                                        {id, number(AcmeOrderState::kValid)}));
  if (used && used->u64(0) != 0) {
    return fail(Code::kConflict, "orders that are under way use this account", Fault::kClient);
  }
  YZ_CHECK(tx_.execute("DELETE FROM acme_account WHERE id = ?", {id}));
  return AuditLog(tx_).add(author, "delete", "acme_account", yz::to_string(id), detail_of(before));
}

Status AcmeAccountStore::set_url(AcmeAccountId id, std::string_view url) {
  YZ_CHECK(tx_.execute("UPDATE acme_account SET url = ? WHERE id = ?", {url, id}));
  return {};
}

Status AcmeAccountStore::set_blocked_until(AcmeAccountId id, WallTime until) {
  YZ_CHECK(tx_.execute("UPDATE acme_account SET blocked_until = ? WHERE id = ?", {until, id}));
  return {};
}

Result<AcmeOrder> AcmeOrderStore::create(const Author& author, AcmeOrder order) {
  order.created = author.at;
  YZ_TRY(const auto id,
         tx_.insert("INSERT INTO acme_order (tenant, account, pinned, certificate, certificate_name, names, challenge, "
                    "key_kind, cause, state, url, certificate_key, replaces, attempts, rejections, next_at, error, "
                    "created_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, 0, 0, ?, '', ?, 0)",
                    {order.tenant, order.account, order.pinned, order.certificate, order.certificate_name,
                     to_list(order.names), number(order.challenge), number(order.key_kind), number(order.cause),
                     number(order.state), order.replaces, order.next_at, order.created}));
  order.id = AcmeOrderId{id};
  Author owner = author;
  owner.tenant = order.tenant;
  YZ_CHECK(AuditLog(tx_).add(owner, order.cause == AcmeCause::kRenewal ? "renew" : "order", "certificate",
                             order.certificate ? yz::to_string(order.certificate) : order.certificate_name,
                             json{{"order", order.id.value}, {"names", order.names}}.dump()));
  return order;
}

Result<std::vector<AcmeOrder>> AcmeOrderStore::select(std::string_view rest, const std::vector<Value>& parameters) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT {} FROM acme_order {}", kOrderColumns, rest), kOrderColumnCount, parameters));
  std::vector<AcmeOrder> out;
  for (const Row& row : rows) {
    YZ_TRY(AcmeOrder one, read_order(tx_.sealer(), row));
    out.push_back(std::move(one));
  }
  return out;
}

Result<AcmeOrder> AcmeOrderStore::get(AcmeOrderId id) {
  YZ_TRY(auto found, select("WHERE id = ?", {id}));
  if (found.empty()) return no_such("order", id.value);
  return std::move(found.front());
}

Result<Listing<AcmeOrder>> AcmeOrderStore::list(const AcmeOrderFilter& filter, Page page) {
  PageQuery query(kOrderColumns, kOrderColumnCount, "acme_order", page, PageOrder::kNewestFirst);
  if (filter.tenant) query.where("tenant", *filter.tenant);
  if (filter.state) query.where("state", number(*filter.state));
  if (filter.certificate) query.where("certificate", *filter.certificate);
  return query.read<AcmeOrder>(tx_, [this](const Row& row) { return read_order(tx_.sealer(), row); });
}

Result<std::vector<AcmeOrder>> AcmeOrderStore::due(WallTime now, std::size_t limit) {
  return select(fmt::format("WHERE state < ? AND next_at <= ? ORDER BY next_at, id LIMIT {}", limit),
                {number(AcmeOrderState::kValid), now});
}

Result<bool> AcmeOrderStore::is_under_way(model::CertificateId certificate) {
  YZ_TRY(const auto row, tx_.query_one("SELECT COUNT(*) FROM acme_order WHERE certificate = ? AND state < ?", 1,
                                       {certificate, number(AcmeOrderState::kValid)}));
  return row && row->u64(0) != 0;
}

Status AcmeOrderStore::save(const AcmeOrder& order) {
  const std::string key =
      order.key_pem.empty() ? std::string() : tx_.sealer().seal(context_of(order.id), order.key_pem);
  YZ_CHECK(
      tx_.execute("UPDATE acme_order SET account = ?, certificate = ?, state = ?, url = ?, certificate_key = ?, "
                  "attempts = ?, rejections = ?, next_at = ?, error = ?, finished_at = ? WHERE id = ?",
                  {order.account, order.certificate, number(order.state), order.url, key, order.attempts,
                   order.rejections, order.next_at, order.error, order.finished, order.id}));
  return {};
}

Result<std::uint64_t> AcmeOrderStore::drop_before(WallTime finished_before) {
  return tx_.execute("DELETE FROM acme_order WHERE state >= ? AND finished_at < ?",
                     {number(AcmeOrderState::kValid), finished_before});
}

Status AcmeUpkeepStore::put(const AcmeUpkeep& u) {
  YZ_CHECK(remove(u.certificate));
  YZ_CHECK(
      tx_.execute("INSERT INTO acme_upkeep (certificate, account, names, challenge, key_kind, enabled, ari_id, "
                  "window_start, window_end, ask_at, retry_at, revoked_at) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  {u.certificate, u.account, to_list(u.names), number(u.challenge), number(u.key_kind), u.enabled,
                   u.ari_id, u.window_start, u.window_end, u.ask_at, u.retry_at, u.revoked}));
  return {};
}

Result<std::vector<AcmeUpkeep>> AcmeUpkeepStore::select(std::string_view rest, const std::vector<Value>& parameters) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT certificate, account, names, challenge, key_kind, enabled, ari_id, "
                               "window_start, window_end, ask_at, retry_at, revoked_at FROM acme_upkeep {}",
                               rest),
                   12, parameters));
  std::vector<AcmeUpkeep> out;
  for (const Row& row : rows) {
    out.push_back({.certificate = row.id<model::CertificateId>(0),
                   .account = row.id<AcmeAccountId>(1),
                   .names = from_list(row.text(2)),
                   .challenge = static_cast<model::ChallengeKind>(row.u64(3)),
                   .key_kind = static_cast<CertificateKey>(row.u64(4)),
                   .enabled = row.boolean(5),
                   .ari_id = row.text(6),
                   .window_start = row.time(7),
                   .window_end = row.time(8),
                   .ask_at = row.time(9),
                   .retry_at = row.time(10),
                   .revoked = row.time(11)});
  }
  return out;
}

Result<std::optional<AcmeUpkeep>> AcmeUpkeepStore::get(model::CertificateId id) {
  YZ_TRY(auto found, select("WHERE certificate = ?", {id}));
  if (found.empty()) return std::nullopt;
  return std::optional(std::move(found.front()));
}

Result<std::vector<AcmeUpkeep>> AcmeUpkeepStore::all() { return select("ORDER BY certificate", {}); }

Status AcmeUpkeepStore::remove(model::CertificateId id) {
  YZ_CHECK(tx_.execute("DELETE FROM acme_upkeep WHERE certificate = ?", {id}));
  return {};
}

}  // namespace yz::store
