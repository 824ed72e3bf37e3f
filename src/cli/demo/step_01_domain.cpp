// A domain is created over the API; how long until DNS and all nodes serve it, and how fast later changes are in force.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/demo/story.h"
#include "cli/dns_client.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

/// Whether every node and the scheduler have acknowledged the configuration `least` or a newer one.
io::Task<bool> is_in_force(Story& story, std::uint64_t least) {
  const auto states = co_await story.cluster.api().get("/api/v1/node-states");
  if (!states || (*states)["schedulers"].empty()) co_return false;
  for (const char* kind : {"items", "schedulers"}) {
    for (const json& one : (*states)[kind]) {
      if (one.value("config_seq", std::uint64_t{0}) < least) co_return false;
    }
  }
  co_return true;
}

io::Task<Result<std::uint64_t>> newest_config(Story& story) {
  YZ_CO_TRY(const json health, co_await story.cluster.api().get("/healthz"));
  co_return health.value("config_seq", std::uint64_t{0});
}

io::Task<Status> measure_changes(Story& story, std::uint64_t domain) {
  Samples samples;
  YZ_CO_TRY(std::uint64_t before, co_await newest_config(story));
  for (int i = 0; i < story.size.config_changes; ++i) {
    const MonoTime start = SystemClock::instance().mono();
    const json change = {{"stale_on_error", 10 + i}};
    YZ_CO_TRY([[maybe_unused]] const json changed,
              co_await story.cluster.api().patch(fmt::format("/api/v1/domains/{}", domain), change));
    ++before;
    YZ_CO_CHECK(co_await story.wait_until([&story, before] { return is_in_force(story, before); },
                                          std::chrono::seconds(10), "a configuration change to be in force",
                                          std::chrono::milliseconds(1)));
    samples.add(SystemClock::instance().mono() - start);
  }
  co_return story.check_time(samples, 99, 500, "config change in force on all");
}

}  // namespace

io::Task<Status> step_domain(Story& story) {
  story.title(1, "A domain, created over the API");
  YZ_CO_CHECK(story.write_file("/hello.txt", "hello from the origin\n"));
  const MonoTime start = SystemClock::instance().mono();
  YZ_CO_TRY(const json domain,
            co_await story.cluster.ensure_domain(story.host, "127.0.0.1", story.cluster.plan().origin_port, false));
  const MonoTime created = SystemClock::instance().mono();
  YZ_CO_CHECK(co_await story.cluster.wait_for_dns(story.cname(story.host), std::chrono::seconds(10)));
  Samples dns;
  dns.add(SystemClock::instance().mono() - created);
  YZ_CO_TRY(const std::uint64_t newest, co_await newest_config(story));
  YZ_CO_CHECK(co_await story.wait_until([&story, newest] { return is_in_force(story, newest); },
                                        std::chrono::seconds(10), "all nodes to have the domain"));
  Samples everywhere;
  everywhere.add(SystemClock::instance().mono() - created);
  story.tell(fmt::format("{} -> {}", story.host, domain.value("cname", "")));
  story.tell(fmt::format("API calls {}; DNS answers after {}; all nodes have it after {}",
                         human_ms(std::chrono::duration<double, std::milli>(created - start).count()),
                         human_ms(dns.percentile(100)), human_ms(everywhere.percentile(100))));
  for (const PlannedNode* node : {&story.beijing(), &story.guangdong()}) {
    const IpAddress client = node == &story.beijing() ? story.unicom : story.telecom;
    YZ_CO_TRY(const Reply reply,
              co_await story.get(story.cluster.edge(*node), "/hello.txt", client, "hello from the origin\n"));
    YZ_CO_CHECK(story.check(reply.status == 200 && reply.matches, fmt::format("{} serves it", node->name)));
  }
  co_return co_await measure_changes(story, domain["id"].get<std::uint64_t>());
}

}  // namespace yz::cli
