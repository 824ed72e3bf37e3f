#include "gslb/prober.h"

#include <set>

#include <fmt/format.h>

namespace yz::gslb {

using std::chrono::milliseconds;

struct Prober::Target {
  Endpoint endpoint;
  std::uint64_t run = 0;  ///< the coroutine that watches it; another number ends that coroutine
};

static constexpr std::size_t kMaxProbeBody = 64 * 1024;
/// Failures after which a node is asked at the usual pace again.
static constexpr int kDoubts = 3;
static constexpr milliseconds kLeastPause{10};

Prober::Prober(io::Reactor& reactor, ProbeOptions options, OnResult on_result, OnGone on_gone)
    : reactor_(reactor),
      options_(std::move(options)),
      on_result_(std::move(on_result)),
      on_gone_(std::move(on_gone)),
      client_(reactor, net::HttpClient::Options{.max_idle_per_upstream = 0, .max_idle = 0}) {}

Prober::~Prober() = default;

void Prober::set_nodes(const model::ConfigSnapshot& config) {
  std::set<model::NodeId> wanted;
  for (const auto& [id, entry] : config.nodes) {
    const auto& node = *entry.value;
    const auto* group = config.node_groups.find(node.group);
    if (!node.enabled || node.addresses.empty()) continue;
    if (group == nullptr || !group->enabled || group->tier != model::Tier::kL1) continue;
    wanted.insert(id);
    const Endpoint endpoint{node.addresses.front(), node.http_port};
    auto& target = targets_[id];
    if (target.run != 0 && target.endpoint == endpoint) continue;
    target = {endpoint, next_run_++};
    reactor_.spawn_into(tasks_, watch(target.run, id, endpoint, node.name));
  }
  for (auto it = targets_.begin(); it != targets_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    on_gone_(it->first);
    it = targets_.erase(it);
  }
}

bool Prober::is_current(model::NodeId node, std::uint64_t run) const {
  const auto it = targets_.find(node);
  return it != targets_.end() && it->second.run == run;
}

io::Task<void> Prober::watch(std::uint64_t run, model::NodeId node, Endpoint endpoint, std::string host) {
  net::Upstream upstream;
  upstream.endpoint = endpoint;
  const net::ClientTimeouts timeouts{options_.timeout, options_.timeout, options_.timeout, options_.timeout};
  int failures = 0;  // in a row
  while (is_current(node, run)) {
    const MonoTime started = reactor_.now();
    net::ClientRequest request;
    request.target = options_.path;
    request.host = host;
    auto response = co_await client_.send(upstream, std::move(request), timeouts);
    std::string reason;
    bool is_certain = false;
    if (!response) {
      reason = response.error().message;
      is_certain = response.error().code == Code::kUnavailable;
    } else if (response->status() != 200) {
      reason = fmt::format("status {}", response->status());
      is_certain = true;
    } else if (auto body = co_await response->read_all(kMaxProbeBody); !body) {
      reason = body.error().message;
    }
    if (!is_current(node, run)) co_return;
    failures = reason.empty() ? 0 : failures + 1;
    on_result_(node, std::move(reason));
    // The usual pace, spread by a tenth so that nodes are not asked in step; first doubts are settled at once.
    const auto spread = static_cast<std::uint64_t>(options_.interval.count()) / 10 + 1;
    auto pause = options_.interval + milliseconds(random_.below(spread));
    if (failures > 0 && failures < kDoubts) pause = is_certain ? std::min(pause, options_.confirm) : milliseconds(0);
    const auto left = pause - std::chrono::duration_cast<milliseconds>(reactor_.now() - started);
    co_await io::sleep_for(std::max(left, kLeastPause));
  }
}

}  // namespace yz::gslb
