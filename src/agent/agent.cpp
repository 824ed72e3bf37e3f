#include "agent/agent.h"

#include <memory>
#include <utility>

#include "agent/edge_command.h"
#include "agent/enrolment.h"
#include "agent/node.h"
#include "base/log.h"

namespace yz::agent {

io::Task<Status> Agent::run() {
  YZ_CO_CHECK(check(settings_));
  YZ_CO_TRY(StateFolder folder, StateFolder::open(settings_.state));
  const auto state = std::make_shared<const StateFolder>(std::move(folder));
  auto identity = co_await obtain_identity(settings_, *state, pool_, stop_);
  if (!identity) {
    if (identity.error().code == Code::kCancelled) co_return Status();
    co_return fail(std::move(identity).error());
  }
  YZ_CO_TRY(auto command, prepare_edge(settings_.edge, *state, identity->node));
  Node node(io::Reactor::current(), pool_, settings_, state, *std::move(identity), std::move(command));
  co_await node.run(stop_);
  co_return Status();
}

}  // namespace yz::agent
