#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip.h"
#include "model/ids.h"
#include "model/place.h"

namespace yz::model {

enum class Tier : std::uint8_t {
  kL1,  ///< faces viewers
  kL2,  ///< stands between the first tier and origins
};

/// Machines at one place and on the same lines, interchangeable for scheduling.
struct NodeGroup {
  NodeGroupId id;
  std::string name;
  Tier tier = Tier::kL1;
  Place place;
  std::vector<std::string> isps;  ///< lines it is connected to; empty: all of them (BGP)
  NodeGroupId parent_group;       ///< the L2 group it fetches through; none: all L2 nodes
  bool enabled = true;

  friend bool operator==(const NodeGroup&, const NodeGroup&) = default;
};

/// One edge machine.
struct Node {
  NodeId id;
  std::string name;
  NodeGroupId group;
  std::vector<IpAddress> addresses;  ///< public ones, IPv4 and IPv6; the first is used by peers and probes
  std::uint16_t http_port = 80;
  std::uint16_t https_port = 443;   ///< 0: no TLS here
  std::uint32_t weight = 100;       ///< share within its group; 0 takes no new viewers
  std::uint64_t capacity_mbps = 0;  ///< 0: not limited
  bool enabled = true;
  bool draining = false;  ///< takes no new viewers, serves those it has

  friend bool operator==(const Node&, const Node&) = default;
};

}  // namespace yz::model
