#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/origin_store.h"

namespace yz::control {
namespace {

struct OriginGroupKind {
  using Value = model::OriginGroup;
  using Store = store::OriginStore;
  static constexpr std::string_view kPath = "origin-groups";
  static constexpr std::string_view kNoun = "origin group";
  static constexpr Permission kRead = "origin:read";
  static constexpr Permission kWrite = "origin:write";
  static constexpr bool kOwned = true;

  static std::vector<std::string_view> read_only() { return {"id"}; }
  static Value base(const Value* /*before*/) { return {}; }
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& /*config*/, Value& /*value*/) { return {}; }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

}  // namespace

Routes origin_group_routes(const RouteContext& context) { return ResourceRoutes<OriginGroupKind>::make(context); }

}  // namespace yz::control
