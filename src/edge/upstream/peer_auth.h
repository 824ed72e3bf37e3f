#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/ids.h"

namespace yz::edge {

/// The `Yz-Peer` field by which nodes of one cluster know each other: "<node> <unix seconds> <hex hmac>", signed with
/// the cluster key over node, time, host and target, so that it is good for this request only and for kPeerWindow.
inline constexpr std::chrono::seconds kPeerWindow{60};

[[nodiscard]] std::string sign_peer(std::string_view cluster_key, model::NodeId self, WallTime now,
                                    std::string_view host, std::string_view target);
/// Who sent it, or none: not signed, signed wrongly, too old, or no cluster key.
[[nodiscard]] std::optional<model::NodeId> verify_peer(std::string_view cluster_key, std::string_view field,
                                                       WallTime now, std::string_view host, std::string_view target);

}  // namespace yz::edge
