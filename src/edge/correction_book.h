#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "model/ids.h"
#include "sched/client_class.h"

namespace yz::edge {

/// Viewers redirected because they belong elsewhere, by what control wants to know of them, until the agent takes them.
/// Any thread; off the hit path.
class CorrectionBook {
 public:
  struct Entry {
    model::DomainId domain;
    std::string client_class;  ///< "CN-BJ/unicom"
    model::NodeId to;
    std::uint64_t count = 0;
  };
  /// Kinds kept between two takings; of more only the total is known (yz_edge_corrections_total).
  static constexpr std::size_t kMostKinds = 4096;

  void add(model::DomainId domain, const sched::ClientClass& client, model::NodeId to);
  /// All entries since the last taking.
  [[nodiscard]] std::vector<Entry> take();

 private:
  using Kind = std::tuple<model::DomainId, sched::ClientClass, model::NodeId>;
  std::mutex mutex_;
  std::map<Kind, std::uint64_t> counts_;  // guarded by mutex_
};

}  // namespace yz::edge
