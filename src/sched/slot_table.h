#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/ids.h"

namespace yz::sched {

/// One node that may be answered, with its share.
struct WeightedNode {
  model::NodeId node;
  double weight = 1;

  friend auto operator<=>(const WeightedNode&, const WeightedNode&) = default;
};

inline constexpr std::size_t kMaxAnswers = 4;
inline constexpr std::size_t kSlotCount = 256;

/// The nodes for one slot, best first, at most kMaxAnswers, all different.
struct SlotRow {
  std::array<model::NodeId, kMaxAnswers> nodes{};
  std::uint8_t count = 0;

  [[nodiscard]] std::span<const model::NodeId> view() const { return {nodes.data(), count}; }
  friend bool operator==(const SlotRow&, const SlotRow&) = default;
};

/// The row of one slot by weighted rendezvous hashing (highest weight / -ln(hash), Schindelhauer and Schomaker 2005):
/// each node leads a share of the slots in proportion to its weight; when one weight changes, only slots that gain or
/// lose that node change. Nodes of weight 0 come last.
[[nodiscard]] SlotRow rank_slot(std::span<const WeightedNode> nodes, std::size_t slot, std::size_t answers);

/// All rows of one set of nodes. Immutable once built; 256 * nodes hash computations.
class SlotTable {
 public:
  SlotTable(std::span<const WeightedNode> nodes, std::size_t answers);

  [[nodiscard]] static std::size_t slot_of(std::uint64_t salt) { return static_cast<std::size_t>(salt % kSlotCount); }
  [[nodiscard]] const SlotRow& row(std::size_t slot) const { return rows_[slot]; }
  /// The row for a salt (client_class.h).
  [[nodiscard]] const SlotRow& pick(std::uint64_t salt) const { return rows_[slot_of(salt)]; }

 private:
  std::vector<SlotRow> rows_;
};

}  // namespace yz::sched
