#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/random.h"
#include "io/reactor.h"
#include "model/config_snapshot.h"
#include "net/http_client.h"

namespace yz::gslb {

struct ProbeOptions {
  std::chrono::milliseconds interval{300};
  std::chrono::milliseconds timeout{500};  ///< for each step: connecting, the answer's head
  std::chrono::milliseconds confirm{60};   ///< the next try after a refusal or reset, which are certain signs
  std::string path = "/.yz/healthz";
};

/// Asks every first-tier node over HTTP whether it serves, each in a coroutine of its own with a connection of its own
/// per probe (accepting is part of what is tested). 200 is a success; everything else, and silence, a failure. After a
/// refusal or reset the next probe follows at once, after a time-out without a pause. Belongs to its reactor's thread.
class Prober {
 public:
  /// What one probe found: `reason` is empty for a success.
  using OnResult = std::function<void(model::NodeId node, std::string reason)>;
  using OnGone = std::function<void(model::NodeId node)>;

  Prober(io::Reactor& reactor, ProbeOptions options, OnResult on_result, OnGone on_gone);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  /// Probes exactly the enabled nodes of enabled first-tier groups from now on.
  void set_nodes(const model::ConfigSnapshot& config);

 private:
  struct Target;
  io::Task<void> watch(std::uint64_t run, model::NodeId node, Endpoint endpoint, std::string host);
  [[nodiscard]] bool is_current(model::NodeId node, std::uint64_t run) const;

  io::Reactor& reactor_;
  const ProbeOptions options_;
  const OnResult on_result_;
  const OnGone on_gone_;
  net::HttpClient client_;
  Random random_ = Random::from_entropy();
  std::uint64_t next_run_ = 1;
  std::unordered_map<model::NodeId, Target> targets_;
  io::TaskScope tasks_;
};

}  // namespace yz::gslb
