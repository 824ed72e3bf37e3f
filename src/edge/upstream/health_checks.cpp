#include "edge/upstream/health_checks.h"

#include <map>
#include <memory>

#include <fmt/format.h>

#include "base/log.h"
#include "edge/edge_server.h"
#include "edge/upstream/ask.h"
#include "edge/upstream/failure.h"
#include "edge/worker.h"
#include "io/reactor.h"

namespace yz::edge {
namespace {

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::size_t kMostBody = 64 * 1024;

/// One origin's check: not asked again before `due`, nor while it is asked.
struct Check {
  MonoTime due{};
  bool is_under_way = false;
};

/// The site is shared: the configuration may change while the origin takes its time.
io::Task<void> check(Worker& worker, std::shared_ptr<const Site> site, std::size_t index, std::shared_ptr<Check> mark) {
  const model::OriginGroup& group = site->origins;
  const Candidate candidate = candidate_of(group, *site->servers, index);
  net::ClientRequest request;
  request.target = group.health_path;
  if (group.host_header.empty()) request.host = site->domain.name;
  auto response = co_await ask_unconditionally(worker, *site, candidate, request);
  const bool is_healthy = response && response->status() >= 200 && response->status() < 400;
  const BreakerRules rules = breaker_rules(group);
  const Breaker::State before = candidate.state->breaker.state();
  if (is_healthy) {
    candidate.state->breaker.succeeded(rules, worker.reactor().now(), false);
    (void)co_await response->read_all(kMostBody);  // so that the connection is kept
  } else {
    candidate.state->breaker.failed(rules, worker.reactor().now(), false);
  }
  if (candidate.state->breaker.state() != before) {
    const std::string why = response ? fmt::format("it answered {}", response->status()) : response.error().message;
    log::warn("origin {} is {}: {}", candidate.state->name, is_healthy ? "back" : "out", why);
  }
  mark->is_under_way = false;
}

}  // namespace

io::Task<void> run_health_checks(Worker& worker) {
  std::map<std::string, std::shared_ptr<Check>> checks;
  io::TaskScope under_way;
  for (;;) {
    std::map<std::string, std::shared_ptr<Check>> next;
    const auto config = worker.config();
    for (const auto& [id, site] : (*config)->origins) {
      if (site->origins.health_path.empty()) continue;
      for (std::size_t i = 0; i < site->origins.origins.size(); ++i) {
        const std::string name = fmt::format("{} {}", id.value, site->servers->servers[i]->name);
        auto& mark = next[name];
        mark = checks.contains(name) ? checks[name] : std::make_shared<Check>();
        if (mark->is_under_way || worker.reactor().now() < mark->due) continue;
        mark->is_under_way = true;
        mark->due = worker.reactor().now() + site->origins.health_interval;
        worker.reactor().spawn_into(under_way, check(worker, site, i, mark));
      }
    }
    checks = std::move(next);
    co_await io::sleep_for(kLookEvery);
  }
}

}  // namespace yz::edge
