#include <fmt/format.h>

#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

model::Problems problems_of(const model::TaskQuota& quota) {
  model::Problems out;
  const auto hold = [&out](std::string pointer, std::uint32_t value) {
    if (value > model::TaskQuota::kMost) {
      out.push_back({std::move(pointer), fmt::format("expected 0 to {}", model::TaskQuota::kMost)});
    }
  };
  hold("/quota/refresh_urls", quota.refresh_urls);
  hold("/quota/refresh_groups", quota.refresh_groups);
  hold("/quota/prefetch_urls", quota.prefetch_urls);
  return out;
}

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
    if (auto wrong = problems_of(tenant.quota); !wrong.empty()) return refuse(unprocessable(std::move(wrong)));
    return {};
  }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

}  // namespace

Routes tenant_routes(const RouteContext& context) { return ResourceRoutes<TenantKind>::make(context); }

}  // namespace yz::control
