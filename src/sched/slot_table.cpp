#include "sched/slot_table.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/hash.h"

namespace yz::sched {
namespace {

/// Larger is better; in proportion to the weight a node has the largest score of a slot.
double score(const WeightedNode& node, std::size_t slot) {
  const std::uint64_t words[2] = {node.node.value, slot};
  const std::uint64_t hash = hash64({reinterpret_cast<const char*>(words), sizeof words});
  const double unit = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;
  return node.weight > 0 ? node.weight / -std::log(unit) : unit - 2.0;
}

}  // namespace

SlotRow rank_slot(std::span<const WeightedNode> nodes, std::size_t slot, std::size_t answers) {
  struct Scored {
    double score;
    model::NodeId node;
  };
  std::array<Scored, kMaxAnswers> best{};
  std::size_t count = 0;
  const std::size_t wanted = std::min(answers, kMaxAnswers);
  for (const WeightedNode& node : nodes) {
    const Scored one{score(node, slot), node.node};
    std::size_t at = count;
    while (at > 0 && best[at - 1].score < one.score) --at;
    if (at >= wanted) continue;
    count = std::min(count + 1, wanted);
    for (std::size_t i = count - 1; i > at; --i) best[i] = best[i - 1];
    best[at] = one;
  }
  SlotRow row;
  row.count = static_cast<std::uint8_t>(count);
  for (std::size_t i = 0; i < count; ++i) row.nodes[i] = best[i].node;
  return row;
}

SlotTable::SlotTable(std::span<const WeightedNode> nodes, std::size_t answers) {
  rows_.reserve(kSlotCount);
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) rows_.push_back(rank_slot(nodes, slot, answers));
}

}  // namespace yz::sched
