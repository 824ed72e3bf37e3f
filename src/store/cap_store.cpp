#include "store/cap_store.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/enum_names.h"
#include "model/node.h"
#include "store/audit_log.h"
#include "store/page_query.h"
#include "store/resource_store.h"
#include "store/tenant_quota.h"

namespace yz::store {
namespace {

constexpr std::string_view kColumns =
    "id, tenant, domain, kind, most, by_operator, created_at, used, seen_at, reached_at, times, suspension";
constexpr std::size_t kColumnCount = 12;

Cap read_cap(const Row& row) {
  return {.id = row.id<CapId>(0),
          .tenant = row.id<model::TenantId>(1),
          .domain = row.id<model::DomainId>(2),
          .kind = static_cast<model::CapKind>(row.u64(3)),
          .limit = row.u64(4),
          .by_operator = row.boolean(5),
          .created = row.time(6),
          .used = row.u64(7),
          .seen = row.time(8),
          .reached = row.time(9),
          .times = row.u64(10),
          .suspension = row.id<model::SuspensionId>(11)};
}

Status audit(Transaction& tx, Author author, const Cap& cap, std::string_view action) {
  author.tenant = cap.tenant;
  const nlohmann::json detail = {{"domain", cap.domain.value},
                                 {"kind", model::name_of(cap.kind)},
                                 {"limit", cap.limit},
                                 {"by_operator", cap.by_operator}};
  return AuditLog(tx).add(author, action, "cap", to_string(cap.id), detail.dump());
}

}  // namespace

Result<Cap> CapStore::create(const Author& author, Cap cap) {
  YZ_TRY(const std::uint64_t present, count_caps(tx_, cap.tenant));
  if (present >= kMostOfATenant) return fail(Code::kLimit, "a tenant has at most 1,000 caps", Fault::kClient);
  cap.created = author.at;
  auto made = tx_.insert(
      "INSERT INTO cap (tenant, domain, kind, most, by_operator, created_at, used, seen_at, reached_at, times, "
      "suspension) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0)",
      {cap.tenant, cap.domain, static_cast<std::uint64_t>(cap.kind), cap.limit, cap.by_operator, cap.created});
  if (!made && made.error().code == Code::kAlreadyExists) {
    return fail(Code::kAlreadyExists, "there is a cap of this kind already", Fault::kClient);
  }
  if (!made) return fail(std::move(made).error());
  cap.id = CapId{*made};
  YZ_CHECK(audit(tx_, author, cap, "create"));
  return cap;
}

Result<std::optional<Cap>> CapStore::get(CapId id) {
  YZ_TRY(const auto row, tx_.query_one(fmt::format("SELECT {} FROM cap WHERE id = ?", kColumns), kColumnCount, {id}));
  if (!row) return std::nullopt;
  return read_cap(*row);
}

Result<Listing<Cap>> CapStore::list(Page page, const CapFilter& filter) {
  PageQuery query(kColumns, kColumnCount, "cap", page);
  if (filter.tenant) query.where("tenant", *filter.tenant);
  if (filter.suspended) query.where_named("suspension", *filter.suspended);
  return query.read<Cap>(tx_, [](const Row& row) { return read_cap(row); });
}

Result<std::vector<Cap>> CapStore::all() {
  YZ_TRY(const Rows rows, tx_.query(fmt::format("SELECT {} FROM cap ORDER BY id", kColumns), kColumnCount));
  std::vector<Cap> out;
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back(read_cap(row));
  return out;
}

Result<Cap> CapStore::set_limit(const Author& author, CapId id, std::uint64_t limit) {
  YZ_TRY(auto cap, get(id));
  if (!cap) return fail(Code::kNotFound, "there is no such cap", Fault::kClient);
  cap->limit = limit;
  YZ_CHECK(tx_.execute("UPDATE cap SET most = ? WHERE id = ?", {limit, id}));
  YZ_CHECK(audit(tx_, author, *cap, "update"));
  return *std::move(cap);
}

Status CapStore::remove(const Author& author, CapId id) {
  YZ_TRY(const auto cap, get(id));
  if (!cap) return fail(Code::kNotFound, "there is no such cap", Fault::kClient);
  YZ_CHECK(tx_.execute("DELETE FROM cap WHERE id = ?", {id}));
  YZ_CHECK(audit(tx_, author, *cap, "delete"));
  if (!cap->suspension) return {};
  auto gone = ResourceStore<model::Suspension>(tx_).remove(author, cap->suspension);
  if (!gone && gone.error().code != Code::kNotFound) return fail(std::move(gone).error());
  return {};
}

Status CapStore::note(const Cap& cap) {
  return tx_
      .execute("UPDATE cap SET reached_at = ?, times = ?, suspension = ? WHERE id = ?",
               {cap.reached, cap.times, cap.suspension, cap.id})
      .map([](std::uint64_t) {});
}

Status CapStore::note_used(const Cap& cap) {
  return tx_.execute("UPDATE cap SET used = ?, seen_at = ? WHERE id = ?", {cap.used, cap.seen, cap.id})
      .map([](std::uint64_t) {});
}

Status CapStore::remove_of(model::DomainId domain) {
  return tx_.execute("DELETE FROM cap WHERE domain = ?", {domain}).map([](std::uint64_t) {});
}

Result<std::uint64_t> CapStore::traffic(const Cap& cap, std::uint32_t from_minute, std::uint32_t until_minute) {
  // SUM is a decimal in MariaDB: cast back, so that it reads as the integer it is.
  YZ_TRY(const auto row,
         cap.domain
             ? tx_.query_one("SELECT CAST(COALESCE(SUM(bytes_out), 0) AS SIGNED) FROM usage_5m "
                             "WHERE domain = ? AND minute >= ? AND minute < ? AND tier = ?",
                             1, {cap.domain, from_minute, until_minute, static_cast<std::uint64_t>(model::Tier::kL1)})
             : tx_.query_one("SELECT CAST(COALESCE(SUM(bytes), 0) AS SIGNED) FROM bill_usage "
                             "WHERE tenant = ? AND minute >= ? AND minute < ?",
                             1, {cap.tenant, from_minute, until_minute}));
  return row ? row->u64(0) : 0;
}

}  // namespace yz::store
