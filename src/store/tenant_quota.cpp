#include "store/tenant_quota.h"

#include <fmt/format.h>

#include "store/dialect.h"

namespace yz::store {
namespace {

Result<std::uint64_t> count_rows(Transaction& tx, std::string_view table, model::TenantId tenant) {
  YZ_TRY(const auto locked,
         tx.query_one(fmt::format("SELECT id FROM tenant WHERE id = ?{}", tx.dialect().for_update()), 1, {tenant}));
  if (!locked) return fail(Code::kNotFound, fmt::format("there is no tenant {}", tenant.value), Fault::kClient);
  YZ_TRY(const auto row, tx.query_one(fmt::format("SELECT COUNT(*) FROM {} WHERE tenant = ?", table), 1, {tenant}));
  return row ? row->u64(0) : 0;
}

}  // namespace

Result<std::uint64_t> count_users(Transaction& tx, model::TenantId tenant) {
  return count_rows(tx, "user_account", tenant);
}

Result<std::uint64_t> count_tokens(Transaction& tx, model::TenantId tenant) {
  return count_rows(tx, "api_token", tenant);
}

Result<std::uint64_t> count_caps(Transaction& tx, model::TenantId tenant) { return count_rows(tx, "cap", tenant); }

}  // namespace yz::store
