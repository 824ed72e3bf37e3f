#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/ids.h"

namespace yz::model {

/// How busy a node is, averaged over its last heartbeat interval.
struct Load {
  double requests_per_s = 0;
  double bits_out_per_s = 0;
  std::uint32_t connections = 0;
  double cpu = 0;  ///< 0-1 over all cores
  std::uint64_t cache_bytes = 0;
  double hit_ratio = 0;  ///< 0-1, by requests

  friend bool operator==(const Load&, const Load&) = default;
};

/// What an agent tells control, every second.
struct Heartbeat {
  bool ready = false;     ///< the edge runs, has its configuration and missed no purge
  bool draining = false;  ///< asked to on the node itself
  ConfigSeq applied_config;
  PurgeSeq applied_purge;
  Load load;

  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

/// What control tells schedulers about a node.
struct NodeState {
  NodeId node;
  bool connected = false;
  bool ready = false;
  bool draining = false;
  ConfigSeq acked_config;  ///< the newest configuration it applied; kept while it is away
  PurgeSeq applied_purge;
  Load load;
  WallTime last_heartbeat;

  friend bool operator==(const NodeState&, const NodeState&) = default;
};

/// A prober's opinion of a node.
enum class Health : std::uint8_t {
  kUnknown,  ///< not probed yet: heartbeats decide
  kUp,
  kSuspect,  ///< the last probe failed, not enough of them yet
  kDown,
};

struct HealthVerdict {
  NodeId node;
  Health health = Health::kUnknown;
  std::string reason;  ///< of the last failure
  WallTime since;

  friend bool operator==(const HealthVerdict&, const HealthVerdict&) = default;
};

}  // namespace yz::model
