#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/group_store.h"

namespace yz::control {
namespace {

struct NodeGroupKind : PlainKind<model::NodeGroup, store::GroupStore> {
  static constexpr std::string_view kPath = "node-groups";
  static constexpr std::string_view kNoun = "node group";
  static constexpr Permission kRead = "node:read";
  static constexpr Permission kWrite = "node:write";
  static constexpr bool kOwned = false;
};

}  // namespace

Routes node_group_routes(const RouteContext& context) { return ResourceRoutes<NodeGroupKind>::make(context); }

}  // namespace yz::control
