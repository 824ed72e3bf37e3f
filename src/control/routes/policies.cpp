#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/policy_store.h"

namespace yz::control {
namespace {

struct PolicyKind {
  using Value = model::Policy;
  using Store = store::PolicyStore;
  static constexpr std::string_view kPath = "policies";
  static constexpr std::string_view kNoun = "policy";
  static constexpr Permission kRead = "policy:read";
  static constexpr Permission kWrite = "policy:write";
  static constexpr bool kOwned = false;

  static std::vector<std::string_view> read_only() { return {"id"}; }
  static Value base(const Value* /*before*/) { return {}; }
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& /*config*/, Value& /*value*/) { return {}; }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

}  // namespace

Routes policy_routes(const RouteContext& context) { return ResourceRoutes<PolicyKind>::make(context); }

}  // namespace yz::control
