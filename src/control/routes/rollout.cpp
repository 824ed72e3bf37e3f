#include <nlohmann/json.hpp>

#include "control/live.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

constexpr std::string_view kPhases[] = {"edges", "schedulers", "done"};
constexpr std::string_view kNodePhases[] = {"current", "waiting", "refused", "away"};

double to_ms(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1000; }

nlohmann::json render(const Rollout& rollout) {
  nlohmann::json nodes = nlohmann::json::array();
  for (const Rollout::Node& node : rollout.nodes) {
    nlohmann::json item = {{"name", node.name},
                           {"role", node.role == rpc::Role::kEdge ? "edge" : "scheduler"},
                           {"state", kNodePhases[static_cast<std::size_t>(node.phase)]},
                           {"config_seq", node.acked.value}};
    if (node.role == rpc::Role::kEdge) item["node"] = node.id.value;
    if (!node.reason.empty()) item["reason"] = node.reason;
    nodes.push_back(std::move(item));
  }
  nlohmann::json out = {{"seq", rollout.seq.value},
                        {"phase", kPhases[static_cast<std::size_t>(rollout.phase)]},
                        {"nodes", std::move(nodes)}};
  if (rollout.seq) out["started"] = format_rfc3339(rollout.started);
  if (rollout.edges_took) out["edges_ms"] = to_ms(*rollout.edges_took);
  if (rollout.total_took) out["total_ms"] = to_ms(*rollout.total_took);
  return out;
}

io::Task<Outcome> get(Live& live) { co_return json_reply(render(live.publisher().rollout())); }

/// Thousands of nodes answer within a moment: that is told in steps.
constexpr std::chrono::milliseconds kTellEvery{100};

/// The rollout after each change, for as long as the client listens.
class RolloutEvents final : public EventSource {
 public:
  explicit RolloutEvents(Publisher& publisher) : publisher_(publisher) {}

  io::Task<std::optional<Event>> next(MonoTime deadline) override {
    for (;;) {
      if (const MonoTime due = told_ + kTellEvery; io::Reactor::current().now() < due) co_await io::sleep_until(due);
      const io::Waiters::Ticket ticket = publisher_.changed().ticket();
      told_ = io::Reactor::current().now();
      std::string now = render(publisher_.rollout()).dump();
      if (now != last_) {
        last_ = now;
        co_return Event{"rollout", std::move(now)};
      }
      if (!co_await publisher_.changed().wait(ticket, deadline)) co_return Event{};
    }
  }

 private:
  Publisher& publisher_;
  std::string last_;
  MonoTime told_;
};

io::Task<Outcome> watch(Live& live) {
  Reply reply;
  reply.events = std::make_shared<RolloutEvents>(live.publisher());
  co_return reply;
}

}  // namespace

Routes rollout_routes(Live& live) {
  return {{"GET", "/api/v1/config/rollout", "config:read", LoopHandler([&live](Call /*call*/) { return get(live); })},
          {"GET", "/api/v1/config/rollout/events", "config:read",
           LoopHandler([&live](Call /*call*/) { return watch(live); })}};
}

}  // namespace yz::control
