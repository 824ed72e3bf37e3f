#pragma once

#include <unordered_map>

#include "base/clock.h"
#include "base/ip.h"
#include "io/task.h"
#include "model/ids.h"

namespace yz::net {
class HttpClient;
}

namespace yz::edge {

/// Whether nodes that viewers might be redirected to can serve right now: a viewer who is far from home but served is
/// better off than one sent to a dead node. A verdict is their own `/.yz/healthz`, at most kFresh old; it is asked for
/// when a redirect needs it, by one viewer at a time. Belongs to one thread.
class NodeCheck {
 public:
  static constexpr std::chrono::milliseconds kFresh{300};
  static constexpr std::chrono::milliseconds kPatience{300};  ///< to connect, and to answer

  explicit NodeCheck(net::HttpClient& client) : client_(client) {}

  /// True when the node said so itself within kFresh. Waits for its answer when nothing fresh is known, and not when
  /// another viewer is already waiting for it: then the answer is no.
  [[nodiscard]] io::Task<bool> is_ready(model::NodeId node, Endpoint endpoint);

 private:
  struct Verdict {
    MonoTime checked{};
    bool is_ready = false;
    bool is_asking = false;
  };

  net::HttpClient& client_;
  std::unordered_map<model::NodeId, Verdict> verdicts_;
};

}  // namespace yz::edge
