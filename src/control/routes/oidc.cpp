#include <nlohmann/json.hpp>

#include "control/oidc/oidc_desk.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

Outcome describe(const OidcDesk* desk) {
  nlohmann::json out = {{"enabled", desk != nullptr}};
  if (desk != nullptr) {
    out["name"] = desk->settings().display_name;
    out["start"] = desk->start_url();
  }
  return json_reply(out);
}

using Step = io::Task<Outcome> (OidcDesk::*)(Call);

io::Task<Outcome> take(OidcDesk* desk, Step step, Call call) {
  if (desk == nullptr) co_return refuse(not_found("identity provider"));
  co_return co_await (desk->*step)(std::move(call));
}

}  // namespace

Routes oidc_routes(const RouteContext& context) {
  OidcDesk* desk = context.oidc;
  return {
      {"GET", "/api/v1/oidc", kPublic, BlockingHandler([desk](const Call&) { return describe(desk); })},
      {"GET", "/api/v1/oidc/start", kPublic,
       LoopHandler([desk](Call call) { return take(desk, &OidcDesk::begin, std::move(call)); })},
      {"GET", "/api/v1/oidc/callback", kPublic,
       LoopHandler([desk](Call call) { return take(desk, &OidcDesk::finish, std::move(call)); })},
  };
}

}  // namespace yz::control
