#include "control/find_tenant.h"

#include "base/text.h"
#include "store/tenant_store.h"

namespace yz::control {
namespace {

/// Whether it is there; `missing` is what a caller hears when it is not.
tl::expected<void, Problem> judge(const Result<store::Stored<model::Tenant>>& found, Problem missing) {
  if (found) return {};
  return refuse(found.error().code == Code::kNotFound ? std::move(missing) : Problem(found.error()));
}

}  // namespace

tl::expected<std::optional<std::uint64_t>, Problem> read_number(const Call& call, std::string_view name) {
  const auto text = call.parameter(name);
  if (!text) return std::nullopt;
  const auto number = parse_u64(*text);
  if (!number) return refuse(bad_request(std::string(name) + " must be a whole number."));
  return number;
}

tl::expected<std::optional<model::TenantId>, Problem> read_tenant(const Call& call) {
  const auto asked = read_number(call, "tenant");
  if (!asked) return refuse(asked.error());
  if (call.principal.is_operator()) return *asked ? std::optional(model::TenantId{**asked}) : std::nullopt;
  if (*asked && **asked != call.principal.tenant.value) return refuse(not_found("tenant"));
  return call.principal.tenant;
}

tl::expected<void, Problem> check_asked_tenant(store::Transaction& tx, std::optional<model::TenantId> asked) {
  if (!asked) return {};
  return judge(store::TenantStore(tx).get(*asked), bad_request("tenant: there is no such tenant."));
}

tl::expected<void, Problem> check_tenant(store::Transaction& tx, model::TenantId id) {
  return judge(store::TenantStore(tx).get(id), unprocessable("/tenant", "there is no such tenant"));
}

}  // namespace yz::control
