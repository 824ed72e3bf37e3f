#include "edge/correction_book.h"

#include <utility>

namespace yz::edge {

void CorrectionBook::add(model::DomainId domain, const sched::ClientClass& client, model::NodeId to) {
  const std::lock_guard lock(mutex_);
  const Kind kind{domain, client, to};
  const auto at = counts_.find(kind);
  if (at != counts_.end()) {
    ++at->second;
  } else if (counts_.size() < kMostKinds) {
    counts_.emplace(kind, 1);
  }
}

std::vector<CorrectionBook::Entry> CorrectionBook::take() {
  std::map<Kind, std::uint64_t> taken;
  {
    const std::lock_guard lock(mutex_);
    taken = std::exchange(counts_, {});
  }
  std::vector<Entry> out;
  out.reserve(taken.size());
  for (const auto& [kind, count] : taken) {
    const auto& [domain, client, to] = kind;
    out.push_back({domain, sched::to_string(client), to, count});
  }
  return out;
}

}  // namespace yz::edge
