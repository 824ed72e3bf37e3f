#pragma once

#include <grpcpp/support/status.h>

#include "base/result.h"

// Between our errors and gRPC's. Included by this room's sources only.

namespace yz::rpc {

[[nodiscard]] grpc::Status to_grpc(const Error& error);
/// What went wrong at the other end or on the way there.
[[nodiscard]] Error from_grpc(const grpc::Status& status);

/// Sends gRPC's own log lines to ours at debug level, as what matters comes back as errors anyway, and turns its
/// debugging of locks off. Once per process.
void set_up_grpc();

}  // namespace yz::rpc
