#include <nlohmann/json.hpp>

#include "control/live.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

using Reader = tl::expected<TaskWish, Problem> (*)(const nlohmann::json&, const model::ConfigSnapshot&,
                                                   const Principal&);

io::Task<Outcome> submit(Live& live, const ConfigState& state, Reader read, Call call) {
  auto body = read_body(call);
  if (!body) co_return refuse(body.error());
  auto wish = read(*body, *state.current(), call.principal);
  if (!wish) co_return refuse(wish.error());
  co_return co_await live.master().submit(std::move(call), *std::move(wish));
}

}  // namespace

Routes refresh_routes(Live& live, const ConfigState& state) {
  const auto route = [&](std::string pattern, Permission permission, Reader read) {
    return Route{"POST", std::move(pattern), permission,
                 LoopHandler([&live, &state, read](Call call) { return submit(live, state, read, std::move(call)); })};
  };
  return {route("/api/v1/refresh", "refresh:write", &read_refresh),
          route("/api/v1/prefetch", "prefetch:write", &read_prefetch)};
}

}  // namespace yz::control
