#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sched/decide.h"

namespace yz::sched {

/// How far a node is with a domain's configuration (the routing barrier).
enum class InForce : std::uint8_t { kNever, kOlder, kCurrent };

/// One node the search reached, with everything the decision weighs.
struct Reached {
  const NodeView* node = nullptr;
  std::size_t step = 0;  ///< index into Search::steps
  InForce in_force = InForce::kNever;
  bool usable = false;
};

/// A step of the search: where it came from and which groups it added.
struct SearchStep {
  std::optional<model::ChainStep> chain;  ///< none: a rule, or the last resort
  std::optional<std::size_t> rule;        ///< index of the policy's rule
  std::vector<const GroupView*> groups;
  std::string_view skipped;  ///< why it can match nothing, or empty
};

/// The search behind every decision, kept whole so that select, decide and find_better_node cannot differ.
struct Search {
  const model::Domain* domain = nullptr;
  const model::Policy* policy = nullptr;
  std::vector<SearchStep> steps;
  std::vector<Reached> reached;      ///< by step, then by node id
  std::optional<std::size_t> taken;  ///< the step that serves
  bool panic = false;
  Unanswered unanswered = Unanswered::kNo;
};

[[nodiscard]] Search search(const SchedView& view, model::DomainId domain, const ClientClass& client);
/// What a finished search serves.
[[nodiscard]] ServingSet serving_set(const Search& search);

}  // namespace yz::sched
