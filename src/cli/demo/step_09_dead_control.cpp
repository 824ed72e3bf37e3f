// Control, every instance of it, is killed under load: DNS and edges go on, the API fails clearly, and nothing it had
// accepted is lost.
#include <csignal>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/demo/leader_dies.h"
#include "cli/demo/load.h"
#include "cli/demo/story.h"
#include "cli/table.h"

namespace yz::cli {

using nlohmann::json;

io::Task<Status> step_dead_control(Story& story) {
  story.title(9, "Control dies under load");
  const std::string content(8 * 1024, 'd');
  YZ_CO_CHECK(story.write_file("/control/load.bin", content));
  YZ_CO_CHECK(story.write_file("/control/page.txt", "accepted before"));
  for (const PlannedNode* node : {&story.beijing(), &story.guangdong()}) {
    const IpAddress client = node == &story.beijing() ? story.unicom : story.telecom;
    YZ_CO_TRY([[maybe_unused]] const Reply reply,
              co_await story.get(story.cluster.edge(*node), "/control/page.txt", client, std::nullopt));
  }
  Load load(story, story.host, "/control/load.bin", content, story.unicom, 8);
  co_await io::sleep_for(std::chrono::milliseconds(300));
  const std::vector<PlannedControl> controls = story.cluster.plan().controls();
  if (controls.size() > 1) YZ_CO_CHECK(co_await leader_dies(story));

  YZ_CO_CHECK(story.write_file("/control/page.txt", "changed, refreshed, and then control died"));
  const json body = {{"urls", {fmt::format("http://{}/control/page.txt", story.host)}}};
  YZ_CO_TRY(const json accepted, co_await story.cluster.api().post("/api/v1/refresh", body));
  for (const PlannedControl& control : controls) story.cluster.programs().kill(control.name, SIGKILL, true);
  co_await io::sleep_for(std::chrono::milliseconds(100));
  const auto failed = co_await story.cluster.api().get("/api/v1/domains");
  story.tell(fmt::format("the API says: {}", failed ? "(an answer)" : failed.error().message));
  YZ_CO_CHECK(
      story.check(!failed && failed.error().code == Code::kUnavailable, "an API call fails at once and says why"));
  const std::uint64_t before = load.counts().served;
  co_await io::sleep_for(std::chrono::seconds(3));
  YZ_CO_CHECK(story.check(
      load.counts().served > before + 100 && load.counts().no_dns == 0,
      fmt::format("for 3 s without control: {} requests served, DNS always answered", load.counts().served - before)));

  const MonoTime resumed = SystemClock::instance().mono();
  for (const PlannedControl& control : controls) story.cluster.programs().resume(control.name);
  YZ_CO_CHECK(co_await story.cluster.wait_until_ready(std::chrono::seconds(60)));
  story.tell(fmt::format(
      "control is back with all nodes after {}",
      human_ms(std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - resumed).count())));
  YZ_CO_TRY(const json task,
            co_await story.cluster.api().wait_for_task(accepted["id"].get<std::uint64_t>(),
                                                       std::chrono::milliseconds(10), std::chrono::seconds(20)));
  YZ_CO_CHECK(story.check(task.value("state", "") == "complete", "the refresh accepted just before is complete"));
  YZ_CO_TRY([[maybe_unused]] const json domain, co_await story.cluster.api().find("/api/v1/domains", story.host));
  for (const PlannedNode* node : {&story.beijing(), &story.guangdong()}) {
    const IpAddress client = node == &story.beijing() ? story.unicom : story.telecom;
    YZ_CO_TRY(const Reply reply, co_await story.get(story.cluster.edge(*node), "/control/page.txt", client,
                                                    "changed, refreshed, and then control died"));
    YZ_CO_CHECK(story.check(reply.status == 200 && reply.matches, fmt::format("{} serves the new page", node->name)));
  }
  YZ_CO_CHECK(co_await load.stop());
  co_return story.check(load.counts().wrong == 0 && load.counts().cut == 0,
                        fmt::format("no viewer noticed: {} requests, none failed", load.counts().served));
}

}  // namespace yz::cli
