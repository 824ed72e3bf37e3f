#include "store/tenant_store.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/json.h"
#include "store/audit_log.h"
#include "store/dialect.h"
#include "store/page_query.h"
#include "store/resource_rows.h"

namespace yz::store {

using model::Tenant;
using model::TenantId;

namespace {

constexpr std::string_view kColumns =
    "id, name, enabled, version, created_at, updated_at, refresh_urls, refresh_groups, prefetch_urls";
constexpr std::size_t kColumnCount = 9;

Stored<Tenant> read_tenant(const Row& row) {
  return {.value = {.id = row.id<TenantId>(0),
                    .name = row.text(1),
                    .enabled = row.boolean(2),
                    .quota = {.refresh_urls = static_cast<std::uint32_t>(row.u64(6)),
                              .refresh_groups = static_cast<std::uint32_t>(row.u64(7)),
                              .prefetch_urls = static_cast<std::uint32_t>(row.u64(8))}},
          .version = row.u64(3),
          .seq = {},
          .created = row.time(4),
          .updated = row.time(5)};
}

Result<Stored<Tenant>> find_tenant(Transaction& tx, TenantId id, std::string_view locking) {
  YZ_TRY(const auto row,
         tx.query_one(fmt::format("SELECT {} FROM tenant WHERE id = ?{}", kColumns, locking), kColumnCount, {id}));
  if (!row) return fail(Code::kNotFound, fmt::format("there is no tenant {}", id.value), Fault::kClient);
  return read_tenant(*row);
}

Status audit(Transaction& tx, Author author, std::string_view action, const Tenant* before, const Tenant* after) {
  author.tenant = after != nullptr ? after->id : before->id;
  nlohmann::json detail = nlohmann::json::object();
  if (before != nullptr) detail["before"] = model::to_json(*before);
  if (after != nullptr) detail["after"] = model::to_json(*after);
  return AuditLog(tx).add(author, action, "tenant", to_string(author.tenant), detail.dump());
}

Result<Stored<Tenant>> lock_version(Transaction& tx, TenantId id, std::optional<std::uint64_t> expected) {
  YZ_TRY(auto before, find_tenant(tx, id, tx.dialect().for_update()));
  if (expected && *expected != before.version) return version_mismatch(before.version, *expected);
  return before;
}

}  // namespace

Result<Stored<Tenant>> TenantStore::create(const Author& author, Tenant tenant) {
  auto id = tx_.insert(
      "INSERT INTO tenant (name, enabled, version, created_at, updated_at, refresh_urls, refresh_groups, "
      "prefetch_urls) VALUES (?, ?, 1, ?, ?, ?, ?, ?)",
      {tenant.name, tenant.enabled, author.at, author.at, tenant.quota.refresh_urls, tenant.quota.refresh_groups,
       tenant.quota.prefetch_urls});
  if (!id) return fail(as_client_error(std::move(id).error(), "tenant"));
  tenant.id = TenantId{*id};
  YZ_CHECK(audit(tx_, author, "create", nullptr, &tenant));
  return Stored<Tenant>{
      .value = std::move(tenant), .version = 1, .seq = {}, .created = author.at, .updated = author.at};
}

Result<Stored<Tenant>> TenantStore::get(TenantId id) { return find_tenant(tx_, id, ""); }

Result<Listing<Stored<Tenant>>> TenantStore::list(Page page, const std::string& name) {
  PageQuery query(kColumns, kColumnCount, "tenant", page);
  if (!name.empty()) query.where("name", name);
  return query.read<Stored<Tenant>>(tx_, &read_tenant);
}

Result<Stored<Tenant>> TenantStore::update(const Author& author, Tenant tenant, std::optional<std::uint64_t> expected) {
  YZ_TRY(auto before, lock_version(tx_, tenant.id, expected));
  auto done = tx_.execute(
      "UPDATE tenant SET name = ?, enabled = ?, version = version + 1, updated_at = ?, refresh_urls = ?, "
      "refresh_groups = ?, prefetch_urls = ? WHERE id = ?",
      {tenant.name, tenant.enabled, author.at, tenant.quota.refresh_urls, tenant.quota.refresh_groups,
       tenant.quota.prefetch_urls, tenant.id});
  if (!done) return fail(as_client_error(std::move(done).error(), "tenant"));
  YZ_CHECK(audit(tx_, author, "update", &before.value, &tenant));
  before.value = std::move(tenant);
  before.version += 1;
  before.updated = author.at;
  return before;
}

Status TenantStore::remove(const Author& author, TenantId id, std::optional<std::uint64_t> expected) {
  YZ_TRY(const auto before, lock_version(tx_, id, expected));
  auto done = tx_.execute("DELETE FROM tenant WHERE id = ?", {id});
  if (!done) return fail(as_client_error(std::move(done).error(), fmt::format("tenant {}", id.value)));
  return audit(tx_, author, "delete", &before.value, nullptr);
}

}  // namespace yz::store
