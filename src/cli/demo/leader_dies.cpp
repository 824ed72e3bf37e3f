#include "cli/demo/leader_dies.h"

#include <csignal>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/table.h"

namespace yz::cli {

using nlohmann::json;

namespace {

double ms_since(MonoTime start) {
  return std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - start).count();
}

PlannedControl other_than(const Cluster& cluster, const std::string& leader) {
  const std::vector<PlannedControl> controls = cluster.plan().controls();
  return controls.front().name == leader ? controls.back() : controls.front();
}

io::Task<Status> both_serve(Story& story, std::string path, std::string expected) {
  for (const PlannedNode* node : {&story.beijing(), &story.guangdong()}) {
    const IpAddress client = node == &story.beijing() ? story.unicom : story.telecom;
    YZ_CO_TRY(const Reply reply, co_await story.get(story.cluster.edge(*node), path, client, expected));
    YZ_CO_CHECK(story.check(reply.status == 200 && reply.matches, fmt::format("{} serves the new page", node->name)));
  }
  co_return Status();
}

}  // namespace

io::Task<Status> leader_dies(Story& story) {
  const std::string path = "/control/leader.txt";
  YZ_CO_CHECK(story.write_file(path, "accepted by the one that led"));
  YZ_CO_CHECK(co_await both_serve(story, path, "accepted by the one that led"));
  YZ_CO_TRY(const std::string leader, co_await story.cluster.find_leader());
  const PlannedControl other = other_than(story.cluster, leader);
  ApiClient at_other(story.reactor, {other.api_url(), story.cluster.plan().api_token});

  const std::string changed = "changed, refreshed, and then the leader died";
  YZ_CO_CHECK(story.write_file(path, changed));
  const json body = {{"urls", {fmt::format("http://{}{}", story.host, path)}}};
  YZ_CO_TRY(const json first, co_await story.cluster.api().post("/api/v1/refresh", body));
  const MonoTime killed = SystemClock::instance().mono();
  story.cluster.programs().kill(leader, SIGKILL, true);
  const auto second = co_await at_other.post("/api/v1/refresh", body);
  YZ_CO_CHECK(story.check(second.has_value(), fmt::format("{} is killed; {} takes a refresh at once, after {}", leader,
                                                          other.name, human_ms(ms_since(killed)))));
  YZ_CO_CHECK(co_await story.cluster.wait_until_ready(std::chrono::seconds(30)));
  const double took = ms_since(killed);
  YZ_CO_CHECK(story.check(took <= 10'000,
                          fmt::format("{} leads, with all nodes, after {}; bound 10 s", other.name, human_ms(took))));
  for (const json* task : {&first, &*second}) {
    const auto id = (*task)["id"].get<std::uint64_t>();
    YZ_CO_TRY(const json done,
              co_await at_other.wait_for_task(id, std::chrono::milliseconds(10), std::chrono::seconds(20)));
    YZ_CO_CHECK(story.check(done.value("state", "") == "complete", fmt::format("refresh {} is complete", id)));
  }
  YZ_CO_CHECK(co_await both_serve(story, path, changed));

  story.cluster.programs().resume(leader);
  const auto controls = story.cluster.plan().controls();
  const PlannedControl dead = controls.front().name == leader ? controls.front() : controls.back();
  ApiClient at_dead(story.reactor, {dead.api_url(), story.cluster.plan().api_token});
  const auto is_back = [&at_dead]() -> io::Task<bool> { co_return (co_await at_dead.get("/healthz")).has_value(); };
  co_return co_await story.wait_until(is_back, std::chrono::seconds(20), leader + " to be back");
}

}  // namespace yz::cli
