#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

struct TenantKind {
  using Value = model::Tenant;
  using Store = store::TenantStore;
  static constexpr std::string_view kPath = "tenants";
  static constexpr std::string_view kNoun = "tenant";
  static constexpr Permission kRead = "tenant:read";
  static constexpr Permission kWrite = "tenant:write";
  static constexpr bool kOwned = false;

  static std::vector<std::string_view> read_only() { return {"id"}; }
  static Value base(const Value* /*before*/) { return {}; }
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& /*config*/, Value& tenant) {
    if (trim(tenant.name).empty()) return refuse(unprocessable("/name", "expected a name"));
    if (tenant.name.size() > 128) return refuse(unprocessable("/name", "expected at most 128 bytes"));
    return {};
  }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

}  // namespace

Routes tenant_routes(const RouteContext& context) { return ResourceRoutes<TenantKind>::make(context); }

}  // namespace yz::control
