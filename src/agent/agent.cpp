#include "agent/agent.h"

#include <memory>
#include <utility>

#include "agent/edge_command.h"
#include "agent/node.h"
#include "base/log.h"
#include "rpc/membership.h"

namespace yz::agent {

io::Task<Status> Agent::run() {
  YZ_CO_CHECK(check(settings_));
  YZ_CO_TRY(StateFolder folder, StateFolder::open(settings_.state));
  const auto state = std::make_shared<const StateFolder>(std::move(folder));
  const rpc::Membership membership{.controls = settings_.controls,
                                   .join_token = settings_.join_token,
                                   .role = rpc::Role::kEdge,
                                   .name = settings_.name,
                                   .identity = state->identity()};
  auto identity = co_await rpc::obtain_identity(membership, pool_, stop_);
  if (!identity) {
    if (identity.error().code == Code::kCancelled) co_return Status();
    co_return fail(std::move(identity).error());
  }
  YZ_CO_TRY(auto command, prepare_edge(settings_.edge, *state, identity->node));
  const rpc::NodeIdentity joined = *std::move(identity);
  Node node(io::Reactor::current(), pool_, settings_, state, joined, std::move(command));
  io::TaskScope renewing;
  io::Reactor::current().spawn_into(
      renewing, rpc::keep_identity_fresh(joined, membership, pool_,
                                         [&node](const rpc::NodeIdentity& renewed) { node.set_identity(renewed); }));
  co_await node.run(stop_);
  co_return Status();
}

}  // namespace yz::agent
