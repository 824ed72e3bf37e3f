#include "store/billing_store.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "store/audit_log.h"
#include "store/dialect.h"
#include "store/page_query.h"
#include "store/resource_rows.h"

namespace yz::store {

using billing::UsagePoint;
using model::TenantId;
using nlohmann::json;

namespace {

constexpr std::size_t kRowsPerInsert = 100;
constexpr std::string_view kSums = "bytes, plain_static, plain_dynamic, tls_static, tls_dynamic, quic";

/// What is billed together: five minutes of a tenant from the edges of a country.
struct PointKey {
  std::uint64_t tenant;
  std::uint32_t minute;
  std::string country;

  friend auto operator<=>(const PointKey&, const PointKey&) = default;
};
using Points = std::map<PointKey, UsagePoint>;

billing::RequestClass class_of(const model::UsageKey& key) {
  using billing::RequestClass;
  if (key.protocol == model::Protocol::kHttp3) return RequestClass::kQuic;
  const bool is_dynamic = key.cache_result == model::CacheResult::kBypass;
  if (key.is_tls) return is_dynamic ? RequestClass::kTlsDynamic : RequestClass::kTlsStatic;
  return is_dynamic ? RequestClass::kPlainDynamic : RequestClass::kPlainStatic;
}

Points sum_points(std::span<const CountedBatch> batches, const UsageOwners& owners) {
  Points out;
  for (const CountedBatch& counted : batches) {
    for (const model::UsageRecord& record : counted.batch->records) {
      const auto owner = owners.find(record.key.domain);
      if (owner == owners.end() || record.key.tier != model::Tier::kL1) continue;
      const std::uint32_t minute = record.key.minute - record.key.minute % billing::kPointMinutes;
      UsagePoint point{.minute = minute, .bytes = record.counts.bytes_out};
      point.requests[static_cast<std::size_t>(class_of(record.key))] = record.counts.requests;
      UsagePoint& sum = out[{owner->second.value, minute, counted.origin.country}];
      sum.minute = minute;
      sum += point;
    }
  }
  return out;
}

/// Inserts points into one of the two tables; `tail` is what makes them add up, or the column that only late ones have.
Status insert_points(Transaction& tx, std::string_view head, std::string_view row_text, std::string_view tail,
                     const Points& points) {
  for (auto it = points.begin(); it != points.end();) {
    std::string rows;
    std::vector<Value> parameters;
    for (std::size_t n = 0; n < kRowsPerInsert && it != points.end(); ++n, ++it) {
      rows.append(n == 0 ? "" : ", ").append(row_text);
      parameters.insert(parameters.end(), {it->first.tenant, it->first.minute, it->first.country, it->second.bytes});
      for (const std::uint64_t requests : it->second.requests) parameters.emplace_back(requests);
    }
    YZ_CHECK(tx.execute(fmt::format("{}{}{}", head, rows, tail), parameters));
  }
  return {};
}

/// Columns from `first`: minute, country, sums.
void read_point(const Row& row, std::size_t first, billing::Usage& into) {
  UsagePoint point{.minute = static_cast<std::uint32_t>(row.u64(first)), .bytes = row.u64(first + 2)};
  for (std::size_t i = 0; i < point.requests.size(); ++i) point.requests[i] = row.u64(first + 3 + i);
  into.add(row.text(first + 1), point);
}

/// The stored text was written by us.
Result<json> parse_document(const std::string& text, std::string_view what) {
  json out = json::parse(text, nullptr, false);
  if (out.is_discarded()) return fail(Code::kCorrupt, fmt::format("{} cannot be read", what));
  return out;
}

Result<billing::Plan> parse_plan(const std::string& text) {
  YZ_TRY(const json document, parse_document(text, "a stored plan"));
  auto plan = billing::read_plan(document);
  if (!plan) return fail(Code::kCorrupt, "a stored plan is not valid: " + plan.error()[0].message);
  return *std::move(plan);
}

Status audit(Transaction& tx, Author author, TenantId tenant, std::string_view action, std::string_view kind,
             const std::string& target, const json& detail) {
  author.tenant = tenant;
  return AuditLog(tx).add(author, action, kind, target, detail.dump());
}

constexpr std::string_view kContractColumns = "id, tenant, from_day, from_minute, plan, version, created_at";

Contract read_contract(const Row& row) {
  return {.id = row.id<ContractId>(0),
          .tenant = row.id<TenantId>(1),
          .from_day = row.text(2),
          .from_minute = static_cast<std::uint32_t>(row.u64(3)),
          .plan = row.id<PlanId>(4),
          .version = row.u64(5),
          .created = row.time(6)};
}

constexpr std::string_view kPackageColumns = "id, tenant, item, bytes, from_minute, until_minute, created_at";

StoredPackage read_package(const Row& row) {
  return {.id = row.id<PackageId>(0),
          .tenant = row.id<TenantId>(1),
          .item = row.text(2),
          .bytes = row.u64(3),
          .from_minute = static_cast<std::uint32_t>(row.u64(4)),
          .until_minute = static_cast<std::uint32_t>(row.u64(5)),
          .created = row.time(6)};
}

constexpr std::string_view kStatementColumns = "id, tenant, month, body, created_at, closed_at";

StoredStatement read_statement(const Row& row) {
  return {.id = row.id<StatementId>(0),
          .tenant = row.id<TenantId>(1),
          .month = row.text(2),
          .body = row.text(3),
          .created = row.time(4),
          .closed = row.optional_time(5)};
}

/// What the audit tells of a statement.
json summary_of(const StoredStatement& statement) {
  return {{"month", statement.month}, {"total", json::parse(statement.body, nullptr, false).value("total", "")}};
}

/// A page of what tenants have.
template <typename T, typename Read>
Result<Listing<T>> list_owned(Transaction& tx, PageQuery query, std::optional<TenantId> tenant, Read read) {
  if (tenant) query.where("tenant", *tenant);
  return query.read<T>(tx, read);
}

}  // namespace

Status BillingStore::count(std::span<const CountedBatch> batches, const UsageOwners& owners) {
  const Points points = sum_points(batches, owners);
  Points on_time, late;
  std::map<std::uint64_t, std::uint32_t> closed;
  for (const auto& [key, point] : points) {
    auto it = closed.find(key.tenant);
    if (it == closed.end()) {
      YZ_TRY(const std::uint32_t until, closed_until(TenantId{key.tenant}, true));
      it = closed.emplace(key.tenant, until).first;
    }
    (key.minute < it->second ? late : on_time).emplace(key, point);
  }
  YZ_CHECK(insert_points(
      tx_, fmt::format("INSERT INTO bill_usage (tenant, minute, country, {}) VALUES ", kSums),
      "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
      tx_.dialect().or_add("bill_usage", "tenant, minute, country",
                           {"bytes", "plain_static", "plain_dynamic", "tls_static", "tls_dynamic", "quic"}),
      on_time));
  return insert_points(tx_,
                       fmt::format("INSERT INTO bill_late (tenant, minute, country, {}, adjusted_in) VALUES ", kSums),
                       "(?, ?, ?, ?, ?, ?, ?, ?, ?, '')", "", late);
}

// --- plans ---

Result<StoredPlan> BillingStore::create_plan(const Author& author, std::string name, const billing::Plan& plan) {
  auto id = tx_.insert("INSERT INTO plan (name, created_at) VALUES (?, ?)", {name, author.at});
  if (!id) return fail(as_client_error(std::move(id).error(), "plan"));
  const PlanId plan_id{*id};
  YZ_CHECK(tx_.execute("INSERT INTO plan_version (plan, version, body, created_at) VALUES (?, 1, ?, ?)",
                       {plan_id, to_json(plan).dump(), author.at}));
  YZ_CHECK(audit(tx_, author, {}, "create", "plan", to_string(plan_id), {{"name", name}, {"version", 1}}));
  return this->plan(plan_id);
}

Result<StoredPlan> BillingStore::add_version(const Author& author, PlanId id, const billing::Plan& plan) {
  YZ_TRY(const StoredPlan newest, this->plan(id));
  const std::uint64_t version = newest.version + 1;
  auto done = tx_.execute("INSERT INTO plan_version (plan, version, body, created_at) VALUES (?, ?, ?, ?)",
                          {id, version, to_json(plan).dump(), author.at});
  if (!done) return fail(as_client_error(std::move(done).error(), "plan"));
  YZ_CHECK(audit(tx_, author, {}, "update", "plan", to_string(id), {{"name", newest.name}, {"version", version}}));
  return this->plan(id);
}

Result<StoredPlan> BillingStore::plan(PlanId id, std::optional<std::uint64_t> version) {
  std::string sql =
      "SELECT p.name, v.version, v.body, v.created_at FROM plan p JOIN plan_version v ON v.plan = p.id WHERE p.id = ?";
  std::vector<Value> parameters{id};
  if (version) {
    sql += " AND v.version = ?";
    parameters.emplace_back(*version);
  }
  YZ_TRY(const auto row, tx_.query_one(sql + " ORDER BY v.version DESC LIMIT 1", 4, parameters));
  if (!row) return fail(Code::kNotFound, fmt::format("there is no such version of plan {}", id.value), Fault::kClient);
  YZ_TRY(billing::Plan plan, parse_plan(row->text(2)));
  return StoredPlan{
      .id = id, .name = row->text(0), .version = row->u64(1), .plan = std::move(plan), .created = row->time(3)};
}

Result<Listing<StoredPlan>> BillingStore::plans(Page page) {
  const auto read = [this](const Row& row) { return plan(row.id<PlanId>(0)); };
  return PageQuery("id", 1, "plan", page).read<StoredPlan>(tx_, read);
}

// --- contracts and packages ---

Result<Contract> BillingStore::create_contract(const Author& author, Contract contract) {
  YZ_TRY(const StoredPlan plan, this->plan(contract.plan, contract.version));
  YZ_TRY(contract.from_minute, billing::parse_day(contract.from_day, plan.plan.utc_offset));
  // A row to lock, so that contracts, closing and counting exclude each other.
  YZ_CHECK(tx_.execute("INSERT INTO bill_closed (tenant, until_minute) VALUES (?, 0)" +
                           tx_.dialect().or_add("bill_closed", "tenant", {"until_minute"}),
                       {contract.tenant}));
  YZ_TRY(const std::uint32_t closed, closed_until(contract.tenant, true));
  YZ_TRY(const std::vector<billing::PlanStart> others, plan_starts(contract.tenant));
  for (const billing::PlanStart& other : others) {
    if (other.plan.utc_offset != plan.plan.utc_offset || other.plan.currency != plan.plan.currency) {
      return fail(Code::kConflict, "all plans of a tenant have one currency and one utc_offset", Fault::kClient);
    }
  }
  if (contract.from_minute < closed) {
    return fail(Code::kConflict, "the statement of that month is closed", Fault::kClient);
  }
  contract.created = author.at;
  auto id = tx_.insert(
      "INSERT INTO contract (tenant, from_minute, from_day, plan, version, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      {contract.tenant, contract.from_minute, contract.from_day, contract.plan, contract.version, author.at});
  if (!id) return fail(as_client_error(std::move(id).error(), "contract"));
  contract.id = ContractId{*id};
  YZ_CHECK(audit(tx_, author, contract.tenant, "create", "contract", to_string(contract.id),
                 {{"plan", contract.plan.value}, {"version", contract.version}, {"from", contract.from_day}}));
  return contract;
}

Result<std::optional<Contract>> BillingStore::contract(ContractId id) {
  YZ_TRY(const auto row, tx_.query_one(fmt::format("SELECT {} FROM contract WHERE id = ?", kContractColumns), 7, {id}));
  return row ? std::optional(read_contract(*row)) : std::nullopt;
}

Result<Listing<Contract>> BillingStore::contracts(Page page, std::optional<TenantId> tenant) {
  return list_owned<Contract>(tx_, {kContractColumns, 7, "contract", page}, tenant, read_contract);
}

Status BillingStore::remove_contract(const Author& author, ContractId id) {
  YZ_TRY(const auto contract, this->contract(id));
  if (!contract) return fail(Code::kNotFound, fmt::format("there is no contract {}", id.value), Fault::kClient);
  YZ_TRY(const std::uint32_t closed, closed_until(contract->tenant, true));
  if (contract->from_minute < closed) {
    return fail(Code::kConflict, "a statement was closed under this contract", Fault::kClient);
  }
  YZ_CHECK(tx_.execute("DELETE FROM contract WHERE id = ?", {id}));
  return audit(tx_, author, contract->tenant, "delete", "contract", to_string(id),
               {{"plan", contract->plan.value}, {"version", contract->version}, {"from", contract->from_day}});
}

Result<std::vector<billing::PlanStart>> BillingStore::plan_starts(TenantId tenant) {
  YZ_TRY(const Rows rows,
         tx_.query("SELECT c.from_minute, c.plan, c.version, v.body FROM contract c JOIN plan_version v ON "
                   "v.plan = c.plan AND v.version = c.version WHERE c.tenant = ? ORDER BY c.from_minute",
                   4, {tenant}));
  std::vector<billing::PlanStart> out;
  for (const Row& row : rows) {
    YZ_TRY(billing::Plan plan, parse_plan(row.text(3)));
    out.push_back({.from_minute = static_cast<std::uint32_t>(row.u64(0)),
                   .plan_id = row.u64(1),
                   .version = row.u64(2),
                   .plan = std::move(plan)});
  }
  return out;
}

Result<StoredPackage> BillingStore::create_package(const Author& author, StoredPackage package) {
  YZ_TRY(const std::uint32_t closed, closed_until(package.tenant, true));  // nobody closes a month meanwhile
  if (package.from_minute < closed) {
    return fail(Code::kConflict, "the package begins in a month whose statement is closed", Fault::kClient);
  }
  package.created = author.at;
  auto id = tx_.insert(
      "INSERT INTO traffic_package (tenant, item, bytes, from_minute, until_minute, created_at) VALUES (?, ?, ?, ?, ?, "
      "?)",
      {package.tenant, package.item, package.bytes, package.from_minute, package.until_minute, author.at});
  if (!id) return fail(as_client_error(std::move(id).error(), "package"));
  package.id = PackageId{*id};
  YZ_CHECK(audit(tx_, author, package.tenant, "create", "package", to_string(package.id),
                 {{"item", package.item}, {"bytes", package.bytes}}));
  return package;
}

Result<Listing<StoredPackage>> BillingStore::packages(Page page, std::optional<TenantId> tenant) {
  return list_owned<StoredPackage>(tx_, {kPackageColumns, 7, "traffic_package", page}, tenant, read_package);
}

// --- statements ---

Result<std::optional<StoredStatement>> BillingStore::statement(StatementId id) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM statement WHERE id = ?", kStatementColumns), 6, {id}));
  return row ? std::optional(read_statement(*row)) : std::nullopt;
}

Result<std::optional<StoredStatement>> BillingStore::statement(TenantId tenant, const std::string& month) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM statement WHERE tenant = ? AND month = ?", kStatementColumns), 6,
                       {tenant, month}));
  return row ? std::optional(read_statement(*row)) : std::nullopt;
}

Result<Listing<StoredStatement>> BillingStore::statements(Page page, std::optional<TenantId> tenant) {
  return list_owned<StoredStatement>(tx_, {kStatementColumns, 6, "statement", page}, tenant, read_statement);
}

Result<billing::Micros> BillingStore::due(TenantId tenant, const std::string& month) {
  YZ_TRY(const billing::StatementInput input, gather(tenant, month, false));
  YZ_TRY(const json document, billing::draw_up(input));
  return billing::parse_money(document.value("total", ""));
}

Result<StoredStatement> BillingStore::draw(const Author& author, TenantId tenant, const std::string& month) {
  YZ_CHECK(closed_until(tenant, true));  // nobody closes it meanwhile
  YZ_TRY(auto present, statement(tenant, month));
  if (present && present->closed) return *std::move(present);
  YZ_TRY(StoredStatement drawn, draw_draft(author.at, tenant, month));
  YZ_CHECK(audit(tx_, author, tenant, "draw", "statement", to_string(drawn.id), summary_of(drawn)));
  return drawn;
}

Result<StoredStatement> BillingStore::draw_draft(WallTime now, TenantId tenant, const std::string& month) {
  YZ_TRY(const billing::StatementInput input, gather(tenant, month, false));
  YZ_TRY(const json document, billing::draw_up(input));
  YZ_CHECK(tx_.execute("INSERT INTO statement (tenant, month, closed, body, created_at) VALUES (?, ?, 0, ?, ?)" +
                           tx_.dialect().or_replace("tenant, month", {"body", "created_at"}),
                       {tenant, month, document.dump(), now}));
  YZ_TRY(auto stored, statement(tenant, month));
  YZ_ASSERT(stored.has_value());
  return *std::move(stored);
}

Result<StoredStatement> BillingStore::close(const Author& author, StatementId id) {
  YZ_TRY(auto found, statement(id));
  if (!found) return fail(Code::kNotFound, fmt::format("there is no statement {}", id.value), Fault::kClient);
  const TenantId tenant = found->tenant;
  YZ_TRY(const std::uint32_t closed, closed_until(tenant, true));
  YZ_TRY(found, statement(id));  // as it is under the lock
  YZ_ASSERT(found.has_value());
  if (found->closed) return *found;
  YZ_TRY(const std::vector<billing::PlanStart> starts, plan_starts(tenant));
  if (starts.empty()) return fail(Code::kInvalid, "no contract holds in this month", Fault::kClient);
  YZ_TRY(const auto month, billing::parse_month(found->month));
  const billing::Period period = billing::month_period(month, starts.front().plan.utc_offset);
  if (std::max(closed, starts.front().from_minute) < period.from_minute) {
    return fail(Code::kConflict, "an earlier month is still open", Fault::kClient);
  }
  if (author.at < WallTime(std::chrono::minutes(period.until_minute))) {
    return fail(Code::kConflict, "the month is not over", Fault::kClient);
  }
  YZ_TRY(const StoredStatement drawn, draw_draft(author.at, tenant, found->month));
  YZ_CHECK(tx_.execute("UPDATE statement SET closed = 1, closed_at = ? WHERE id = ?", {author.at, id}));
  YZ_CHECK(tx_.execute("UPDATE bill_late SET adjusted_in = ? WHERE tenant = ? AND adjusted_in = ''",
                       {found->month, tenant}));
  YZ_CHECK(tx_.execute("UPDATE bill_closed SET until_minute = ? WHERE tenant = ?", {period.until_minute, tenant}));
  YZ_CHECK(audit(tx_, author, tenant, "close", "statement", to_string(id), summary_of(drawn)));
  YZ_TRY(found, statement(id));
  return *std::move(found);
}

Result<std::vector<OpenMonth>> BillingStore::open_months(WallTime now) {
  YZ_TRY(const Rows tenants, tx_.query("SELECT DISTINCT tenant FROM contract ORDER BY tenant", 1));
  std::vector<OpenMonth> out;
  for (const Row& row : tenants) {
    const auto tenant = row.id<TenantId>(0);
    YZ_TRY(const std::vector<billing::PlanStart> starts, plan_starts(tenant));
    if (starts.empty()) continue;  // the contract has gone meanwhile
    YZ_TRY(const std::uint32_t closed, closed_until(tenant));
    const auto offset = starts.front().plan.utc_offset;
    const std::string day = billing::show_day(std::max(closed, starts.front().from_minute), offset);
    YZ_TRY(const auto month, billing::parse_month(std::string_view(day).substr(0, 7)));
    const billing::Period period = billing::month_period(month, offset);
    if (now < WallTime(std::chrono::minutes(period.until_minute))) continue;
    out.push_back({.tenant = tenant, .month = billing::to_string(month), .period = period});
  }
  return out;
}

Result<json> BillingStore::recompute(StatementId id) {
  YZ_TRY(const auto found, statement(id));
  if (!found) return fail(Code::kNotFound, fmt::format("there is no statement {}", id.value), Fault::kClient);
  YZ_TRY(const billing::StatementInput input, gather(found->tenant, found->month, found->closed.has_value()));
  return billing::draw_up(input);
}

Result<billing::StatementInput> BillingStore::gather(TenantId tenant, const std::string& month, bool is_closed) {
  YZ_TRY(const auto year_month, billing::parse_month(month));
  YZ_TRY(const std::vector<billing::PlanStart> starts, plan_starts(tenant));
  if (starts.empty()) return fail(Code::kInvalid, "no contract holds in this month", Fault::kClient);
  const billing::Period period = billing::month_period(year_month, starts.front().plan.utc_offset);
  billing::StatementInput out;
  out.month = month;
  out.segments = billing::segments_of(period, starts);
  YZ_TRY(out.usage, usage(tenant, period.from_minute, period.until_minute));
  YZ_TRY(out.packages, packages_before(tenant, month, period));
  YZ_TRY(out.corrections, corrections(tenant, month, is_closed, starts));
  return out;
}

Result<billing::Usage> BillingStore::usage(TenantId tenant, std::uint32_t from_minute, std::uint32_t until_minute) {
  YZ_TRY(const Rows rows, tx_.query(fmt::format("SELECT minute, country, {} FROM bill_usage WHERE tenant = ? AND "
                                                "minute >= ? AND minute < ? ORDER BY minute, country",
                                                kSums),
                                    8, {tenant, from_minute, until_minute}));
  billing::Usage out;
  for (const Row& row : rows) read_point(row, 0, out);
  return out;
}

Result<std::vector<billing::Correction>> BillingStore::corrections(TenantId tenant, const std::string& month,
                                                                   bool is_closed,
                                                                   const std::vector<billing::PlanStart>& starts) {
  YZ_TRY(const Rows late,
         tx_.query(fmt::format("SELECT adjusted_in, minute, country, {} FROM bill_late WHERE tenant = ? AND "
                               "adjusted_in <= ? ORDER BY id",
                               kSums),
                   9, {tenant, month}));
  std::vector<billing::Correction> out;
  if (late.empty()) return out;
  YZ_TRY(const Rows closed,
         tx_.query("SELECT id, month FROM statement WHERE tenant = ? AND closed = 1 AND month < ? ORDER BY month", 2,
                   {tenant, month}));
  for (const Row& statement : closed) {
    YZ_TRY(const auto year_month, billing::parse_month(statement.text(1)));
    const billing::Period period = billing::month_period(year_month, starts.front().plan.utc_offset);
    billing::Usage taken, fresh;
    for (const Row& row : late) {
      const std::string& adjusted_in = row.text(0);
      if (!period.contains(static_cast<std::uint32_t>(row.u64(1)))) continue;
      const bool is_fresh = is_closed ? adjusted_in == month : adjusted_in.empty();
      if (!is_fresh && (adjusted_in.empty() || adjusted_in == month)) continue;  // later than this statement
      read_point(row, 1, is_fresh ? fresh : taken);
    }
    if (fresh.by_country().empty()) continue;
    billing::Correction correction{.statement = statement.u64(0),
                                   .month = statement.text(1),
                                   .segments = billing::segments_of(period, starts),
                                   .packages = {},
                                   .before = {},
                                   .now = {}};
    YZ_TRY(correction.packages, packages_before(tenant, correction.month, period));
    YZ_TRY(correction.before, usage(tenant, period.from_minute, period.until_minute));
    correction.before.add(taken);
    correction.now = correction.before;
    correction.now.add(fresh);
    out.push_back(std::move(correction));
  }
  return out;
}

Result<std::vector<billing::Package>> BillingStore::packages_before(TenantId tenant, const std::string& month,
                                                                    const billing::Period& period) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT {} FROM traffic_package WHERE tenant = ? AND from_minute < ? AND "
                               "until_minute > ? ORDER BY id",
                               kPackageColumns),
                   7, {tenant, period.until_minute, period.from_minute}));
  std::map<std::string, std::uint64_t> used;
  YZ_TRY(const auto last, tx_.query_one("SELECT body FROM statement WHERE tenant = ? AND closed = 1 AND month < ? "
                                        "ORDER BY month DESC LIMIT 1",
                                        1, {tenant, month}));
  if (last) {
    YZ_TRY(const json document, parse_document(last->text(0), "a stored statement"));
    for (const billing::Package& package : billing::packages_of(document)) used[package.id] = package.used;
  }
  std::vector<billing::Package> out;
  for (const Row& row : rows) {
    const StoredPackage package = read_package(row);
    const std::string id = to_string(package.id);
    out.push_back({.id = id,
                   .item = package.item,
                   .bytes = package.bytes,
                   .used = used.contains(id) ? used.at(id) : 0,
                   .from_minute = package.from_minute,
                   .until_minute = package.until_minute});
  }
  return out;
}

Result<std::uint32_t> BillingStore::closed_until(TenantId tenant, bool for_update) {
  YZ_TRY(const auto row, tx_.query_one(fmt::format("SELECT until_minute FROM bill_closed WHERE tenant = ?{}",
                                                   for_update ? tx_.dialect().for_update() : std::string_view()),
                                       1, {tenant}));
  return row ? static_cast<std::uint32_t>(row->u64(0)) : 0U;
}

}  // namespace yz::store
