#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "base/result.h"
#include "rpc/ca.h"

// Included by this room's sources only.

namespace yz::rpc {

/// A channel to one control server, which must prove to be kControlName under `ca_pem`. Never through a proxy, never a
/// connection shared with another channel: its back-off would be shared too.
[[nodiscard]] std::shared_ptr<grpc::Channel> make_channel(const std::string& control, const std::string& ca_pem,
                                                          const KeyPair* client, grpc::ChannelArguments arguments = {});

/// The CA certificate that the server at `control` presents (the last of its chain), if its fingerprint starts with
/// `fingerprint`. Nothing else about the server is trusted yet. Blocks at most `timeout` per step.
/// Fails with kPermission when another CA answers, kUnavailable, kTimeout.
[[nodiscard]] Result<std::string> fetch_ca(const std::string& control, const std::string& fingerprint,
                                           std::chrono::milliseconds timeout);

}  // namespace yz::rpc
