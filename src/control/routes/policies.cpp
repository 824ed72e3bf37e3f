#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/policy_store.h"

namespace yz::control {
namespace {

struct PolicyKind : PlainKind<model::Policy, store::PolicyStore> {
  static constexpr std::string_view kPath = "policies";
  static constexpr std::string_view kNoun = "policy";
  static constexpr Permission kRead = "policy:read";
  static constexpr Permission kWrite = "policy:write";
  static constexpr bool kOwned = false;
};

}  // namespace

Routes policy_routes(const RouteContext& context) { return ResourceRoutes<PolicyKind>::make(context); }

}  // namespace yz::control
