#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/origin_store.h"

namespace yz::control {
namespace {

struct OriginGroupKind : PlainKind<model::OriginGroup, store::OriginStore> {
  static constexpr std::string_view kPath = "origin-groups";
  static constexpr std::string_view kNoun = "origin group";
  static constexpr Permission kRead = "origin:read";
  static constexpr Permission kWrite = "origin:write";
  static constexpr bool kOwned = true;
};

}  // namespace

Routes origin_group_routes(const RouteContext& context) { return ResourceRoutes<OriginGroupKind>::make(context); }

}  // namespace yz::control
