#include <benchmark/benchmark.h>

#include "model/sample_snapshot.h"
#include "sched/decide.h"

namespace yz::sched {
namespace {

std::shared_ptr<const SchedView> view_of(std::int64_t groups) {
  model::ConfigSnapshot s = model::sample_snapshot();
  for (std::int64_t g = 10; g < 10 + groups; ++g) {
    model::NodeGroup group;
    group.id = {static_cast<std::uint64_t>(g)}, group.name = "g", group.place = {"CN", g % 2 == 0 ? "CN-BJ" : "CN-SH"};
    group.isps = {g % 3 == 0 ? "unicom" : "telecom"};
    s.put(group, {1});
    for (std::uint64_t n = 0; n < 10; ++n) {
      model::Node node;
      node.id = {group.id.value * 100 + n}, node.group = group.id;
      s.put(node, {1});
    }
  }
  return SchedView::build(std::make_shared<const model::ConfigSnapshot>(s), {}, {}, Unreported::kReady);
}

void select_serving_set(benchmark::State& state) {
  const auto view = view_of(state.range(0));
  const ClientClass client{geo::kChina, geo::Province::kBeijing, geo::Isp::kUnicom};
  for (auto _ : state) benchmark::DoNotOptimize(select(*view, {1}, client));
}
BENCHMARK(select_serving_set)->Arg(2)->Arg(100);

void build_slot_table(benchmark::State& state) {
  std::vector<WeightedNode> nodes;
  for (std::int64_t i = 0; i < state.range(0); ++i) nodes.push_back({{static_cast<std::uint64_t>(i) + 1}, 100});
  for (auto _ : state) benchmark::DoNotOptimize(SlotTable(nodes, 2));
}
BENCHMARK(build_slot_table)->Arg(2)->Arg(20);

}  // namespace
}  // namespace yz::sched
