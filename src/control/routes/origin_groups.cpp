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

  /// JSON never shows the signing secret: a change of other fields keeps it.
  static Value base(const Value* before) {
    Value out;
    if (before != nullptr) out.auth_secret = before->auth_secret;
    return out;
  }
};

}  // namespace

Routes origin_group_routes(const RouteContext& context) { return ResourceRoutes<OriginGroupKind>::make(context); }

}  // namespace yz::control
