#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/group_store.h"

namespace yz::control {
namespace {

struct NodeGroupKind {
  using Value = model::NodeGroup;
  using Store = store::GroupStore;
  static constexpr std::string_view kPath = "node-groups";
  static constexpr std::string_view kNoun = "node group";
  static constexpr Permission kRead = "node:read";
  static constexpr Permission kWrite = "node:write";
  static constexpr bool kOwned = false;

  static std::vector<std::string_view> read_only() { return {"id"}; }
  static Value base(const Value* /*before*/) { return {}; }
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& /*config*/, Value& /*value*/) { return {}; }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

}  // namespace

Routes node_group_routes(const RouteContext& context) { return ResourceRoutes<NodeGroupKind>::make(context); }

}  // namespace yz::control
