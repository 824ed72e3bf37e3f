#include "sched/slot_table.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace yz::sched {
namespace {

std::vector<WeightedNode> random_nodes(Random& random, std::size_t count) {
  std::vector<WeightedNode> nodes;
  for (std::size_t i = 0; i < count; ++i) nodes.push_back({{i + 1}, 1.0 + static_cast<double>(random.below(100))});
  return nodes;
}

std::map<std::uint64_t, std::size_t> leads(const SlotTable& table) {
  std::map<std::uint64_t, std::size_t> out;
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) ++out[table.row(slot).nodes[0].value];
  return out;
}

TEST(SlotTable, RowsHoldDistinctNodesUpToTheAnswersAsked) {
  Random random(1);
  for (std::size_t count = 0; count < 8; ++count) {
    const auto nodes = random_nodes(random, count);
    for (std::size_t answers = 1; answers <= kMaxAnswers; ++answers) {
      const SlotTable table(nodes, answers);
      for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
        const auto row = table.row(slot).view();
        EXPECT_EQ(row.size(), std::min(answers, count));
        EXPECT_EQ(std::set(row.begin(), row.end()).size(), row.size());
      }
    }
  }
}

TEST(SlotTable, LeadsAreInProportionToWeights) {
  const SlotTable table(std::vector<WeightedNode>{{{1}, 300}, {{2}, 100}}, 2);
  const auto count = leads(table);
  EXPECT_NEAR(static_cast<double>(count.at(1)), 192, 30);
}

TEST(SlotTable, AWeightChangeMovesOnlySlotsOfThatNode) {
  Random random(2);
  for (int round = 0; round < 50; ++round) {
    auto nodes = random_nodes(random, 2 + random.below(10));
    const SlotTable before(nodes, 1);
    WeightedNode& changed = nodes[random.below(nodes.size())];
    const bool grows = random.below(2) == 0;
    changed.weight *= grows ? 1.5 : 0.5;
    const SlotTable after(nodes, 1);
    for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
      const auto was = before.row(slot).nodes[0];
      const auto is = after.row(slot).nodes[0];
      if (was != is) {
        EXPECT_EQ(grows ? is : was, changed.node);
      }
    }
  }
}

TEST(SlotTable, ALostNodeMovesOnlyItsOwnSlots) {
  Random random(3);
  auto nodes = random_nodes(random, 6);
  const SlotTable before(nodes, 3);
  const model::NodeId lost = nodes[2].node;
  nodes.erase(nodes.begin() + 2);
  const SlotTable after(nodes, 3);
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    std::vector<model::NodeId> kept;
    for (const model::NodeId id : before.row(slot).view()) {
      if (id != lost) kept.push_back(id);
    }
    for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(after.row(slot).nodes[i], kept[i]);
  }
}

TEST(SlotTable, NodesOfWeightZeroComeLast) {
  const SlotTable table(std::vector<WeightedNode>{{{1}, 0}, {{2}, 1}}, 2);
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) EXPECT_EQ(table.row(slot).nodes[0], model::NodeId{2});
}

TEST(SlotTable, TheOrderOfTheInputDoesNotMatter) {
  const SlotTable a(std::vector<WeightedNode>{{{1}, 5}, {{2}, 7}, {{3}, 9}}, 3);
  const SlotTable b(std::vector<WeightedNode>{{{3}, 9}, {{1}, 5}, {{2}, 7}}, 3);
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) EXPECT_EQ(a.row(slot), b.row(slot));
}

}  // namespace
}  // namespace yz::sched
