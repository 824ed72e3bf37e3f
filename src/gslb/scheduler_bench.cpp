#include <benchmark/benchmark.h>

#include "base/random.h"
#include "dns/test_query.h"
#include "gslb/dns_service.h"
#include "gslb/test_world.h"

namespace yz::gslb {
namespace {

/// Whole answers for scheduled names, with client subnets all over a map of 3,000 blocks.
void BM_ScheduledAnswer(benchmark::State& state) {
  Random random(3);
  std::string places;
  std::vector<std::string> queries;
  for (int i = 0; i < 3000; ++i) {
    const auto address = IpAddress::v4(static_cast<std::uint32_t>(random.next())).masked(16);
    places += to_string(IpPrefix{address, 16}) + " CN " +
              std::string(to_string(static_cast<geo::Province>(1 + i % 31))) + " " +
              std::string(to_string(static_cast<geo::Isp>(1 + i % 4))) + "\n";
    const auto wire = to_wire(dns::ClientSubnet{{address, 24}, 0});
    queries.push_back(dns::test::query("www.a.com.cdn.test", dns::Type::kA,
                                       dns::test::opt(dns::test::option(8, {wire.bytes, wire.size}))));
  }
  const auto config = test::config();
  auto shared = std::make_shared<const model::ConfigSnapshot>(config);
  WorldSource worlds;
  worlds.publish(World::make(*build_zones(config, ""), test::map(places),
                             sched::SchedView::build(shared, {}, {}, sched::Unreported::kReady), 1));
  metrics::Registry registry;
  DnsService service(worlds, DnsCounters(registry));
  char out[4096];
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        service.answer(queries[i++ % queries.size()], {IpAddress::v4(1), 53}, net::DnsTransport::kUdp, out));
  }
}
BENCHMARK(BM_ScheduledAnswer);

/// From a verdict to the published tables: 200 nodes in 50 groups, 1,000 domains.
void BM_VerdictToWorld(benchmark::State& state) {
  auto config = test::config();
  for (std::uint64_t id = 10; id < 210; ++id) {
    model::Node node;
    node.id = {id};
    node.name = "n" + std::to_string(id);
    node.group = {1 + id % 2};
    node.addresses = {IpAddress::v4(static_cast<std::uint32_t>(0x7f010000 + id))};
    config.put(node, {1});
  }
  for (std::uint64_t id = 2; id <= 1000; ++id) {
    model::Domain domain;
    domain.id = {id};
    domain.name = "www" + std::to_string(id) + ".b.com";
    domain.policy = {1};
    config.put(domain, {1});
  }
  const auto shared = std::make_shared<const model::ConfigSnapshot>(config);
  const auto zones = *build_zones(config, "");
  const auto map = test::map();
  std::uint64_t generation = 0;
  for (auto _ : state) {
    const std::vector<sched::NodeSignal> signals = {{{10}, model::Health::kDown, 1, "x"}};
    benchmark::DoNotOptimize(
        World::make(zones, map, sched::SchedView::build(shared, {}, signals, sched::Unreported::kReady), ++generation));
  }
}
BENCHMARK(BM_VerdictToWorld);

}  // namespace
}  // namespace yz::gslb
