#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "sched/client_class.h"
#include "sched/slot_table.h"
#include "sched/view.h"

namespace yz::sched {

/// Why a domain has no answer at all.
enum class Unanswered : std::uint8_t {
  kNo,          ///< it has one
  kUnknown,     ///< no such domain
  kDisabled,    ///< the domain is switched off
  kNotInForce,  ///< no node has acknowledged it yet (the routing barrier)
  kNoNodes,     ///< its policy leads to no node an operator left open
};

/// The part of a decision that answers are made from; equal for many classes, so tables can be shared.
struct ServingSet {
  std::vector<WeightedNode> nodes;  ///< in id order; empty only when `unanswered` says why
  std::uint8_t answers = 2;
  std::chrono::seconds ttl{60};
  bool degraded = false;  ///< a node that should serve this class does not, or is suspect: the TTL is the short one
  bool panic = false;     ///< too few nodes are healthy to believe it: health was ignored
  Unanswered unanswered = Unanswered::kNo;

  friend bool operator==(const ServingSet&, const ServingSet&) = default;
};

/// Who serves viewers of this class, without the account of how. Pure; costs O(groups + nodes of the pool).
[[nodiscard]] ServingSet select(const SchedView& view, model::DomainId domain, const ClientClass& client);

/// One step of the search, as it went.
struct StepTrace {
  std::string step;                        ///< "rule 1", "province_isp", ..., "last_resort"
  std::string meaning;                     ///< "beijing unicom"
  std::vector<model::NodeGroupId> groups;  ///< those this step adds
  std::uint32_t usable = 0;
  std::uint32_t nodes = 0;
  bool taken = false;
};

struct Candidate {
  model::NodeId node;
  std::string name;
  model::NodeGroupId group;
  std::string group_name;
  std::size_t step = 0;  ///< index into Decision::steps
  double weight = 0;
  bool in = false;
  std::string reason;
};

/// A whole decision with the reasons for it.
struct Decision {
  model::DomainId domain;
  std::string domain_name;
  ClientClass client;
  std::uint64_t salt = 0;
  std::string policy;
  std::vector<StepTrace> steps;
  std::vector<Candidate> candidates;
  ServingSet set;
  std::vector<model::NodeId> chosen;  ///< in answer order
};

/// The one decision: DNS, 302, HTTP-DNS and the edge agree because all call this (or `select` with a SlotTable, which
/// gives the same nodes).
[[nodiscard]] Decision decide(const SchedView& view, model::DomainId domain, const ClientClass& client,
                              std::uint64_t salt);

/// Where a viewer that reached `self` should rather be: the node the decision names, when `self` is not among those
/// that serve this class and the decision rests on something known about the viewer (not on the default pool or a
/// panic). None: the viewer belongs here, or nothing better is known.
[[nodiscard]] std::optional<model::NodeId> find_better_node(const SchedView& view, model::DomainId domain,
                                                            const ClientClass& client, std::uint64_t salt,
                                                            model::NodeId self);

}  // namespace yz::sched
