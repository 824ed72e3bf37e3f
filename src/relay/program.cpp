#include "relay/program.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
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

/// Held while a relay runs in the folder.
Result<UniqueFd> lock_folder(const std::filesystem::path& folder) {
  YZ_CHECK(make_folder(folder));
  if (::chmod(folder.c_str(), 0700) != 0) return fail_errno("chmod " + folder.string(), errno);
  UniqueFd lock(::open((folder / "lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!lock) return fail_errno("open " + (folder / "lock").string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable, "another relay uses " + folder.string() + ": stop it, or give another --state");
  }
  return lock;
}

}  // namespace

io::Task<Status> run(Settings settings, io::BlockingPool& pool, io::Event& stop) {
  YZ_CO_CHECK(check(settings));
  YZ_CO_TRY(const UniqueFd lock, lock_folder(settings.state));
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
