#pragma once

#include "agent/control_link.h"
#include "agent/settings.h"
#include "agent/state_folder.h"
#include "io/blocking_pool.h"
#include "io/task.h"
#include "io/waiters.h"

namespace yz::agent {

/// The node's identity: the stored one, or a new one for the join token, tried until control answers. Fails at once
/// with kPermission or kInvalid when the token is refused, kCancelled when `stop` is set meanwhile.
[[nodiscard]] io::Task<Result<rpc::NodeIdentity>> obtain_identity(const Settings& settings, const StateFolder& state,
                                                                  io::BlockingPool& pool, io::Event& stop);

/// Renews the certificate at half its life, for ever; while control is away it goes on trying. The agent's scope ends
/// it.
[[nodiscard]] io::Task<void> keep_identity_fresh(rpc::NodeIdentity identity, const Settings& settings,
                                                 const StateFolder& state, io::BlockingPool& pool, ControlLink& link);

/// When to renew a certificate valid in this period.
[[nodiscard]] WallTime renewal_time(const rpc::PeerIdentity& validity);

}  // namespace yz::agent
