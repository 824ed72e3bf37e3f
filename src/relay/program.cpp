#include "relay/program.h"

#include <utility>

#include "base/log.h"
#include "base/own_folder.h"
#include "io/reactor.h"
#include "relay/relay.h"
#include "rpc/membership.h"

namespace yz::relay {
namespace {

Status check(const Settings& settings) {
  if (settings.controls.empty()) return fail(Code::kInvalid, "no control given: --control HOST:PORT");
  if (settings.state.empty()) return fail(Code::kInvalid, "no state folder given: --state DIR");
  return {};
}

}  // namespace

io::Task<Status> run(Settings settings, io::BlockingPool& pool, io::Event& stop) {
  YZ_CO_CHECK(check(settings));
  YZ_CO_TRY(const UniqueFd lock, own_folder(settings.state, "relay"));
  const rpc::Membership membership{.controls = settings.controls,
                                   .join_token = settings.join_token,
                                   .role = rpc::Role::kRelay,
                                   .name = settings.name,
                                   .identity = settings.state / "identity.pem"};
  auto identity = co_await rpc::obtain_identity(membership, pool, stop);
  if (!identity) {
    if (identity.error().code == Code::kCancelled) co_return Status();
    co_return fail(std::move(identity).error());
  }
  YZ_CO_TRY(
      const auto relay,
      Relay::start(
          {.controls = settings.controls, .listen = settings.listen, .name = settings.name, .identity = *identity}));
  io::TaskScope renewing;
  const auto on_renewed = [&relay](const rpc::NodeIdentity& renewed) {
    if (const Status taken = relay->set_identity(renewed); !taken) log::error("identity: {}", taken.error().message);
  };
  io::Reactor::current().spawn_into(renewing, rpc::keep_identity_fresh(*identity, membership, pool, on_renewed));
  (void)co_await stop.wait(io::kNoDeadline);
  renewing.cancel_all();
  log::info("stopped");
  co_return Status();
}

}  // namespace yz::relay
