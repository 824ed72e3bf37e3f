#include "control/correction_board.h"

#include <algorithm>

namespace yz::control {
namespace {

std::int64_t minute_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::minutes>(time.time_since_epoch()).count();
}

}  // namespace

void CorrectionBoard::take(const std::vector<rpc::Correction>& corrections, WallTime now) {
  const std::int64_t minute = minute_of(now);
  if (minutes_.empty() || minutes_.back().number != minute) minutes_.push_back({minute, {}});
  while (minutes_.size() > static_cast<std::size_t>(kKept.count())) minutes_.pop_front();
  auto& counts = minutes_.back().counts;
  for (const rpc::Correction& c : corrections) {
    const Kind kind{c.domain, c.resolver_class, c.client_class, c.from, c.to};
    const auto at = counts.find(kind);
    if (at != counts.end()) {
      at->second += c.count;
    } else if (counts.size() < kMostKindsAMinute) {
      counts.emplace(kind, c.count);
    } else {
      dropped_ += c.count;
    }
  }
}

std::vector<rpc::Correction> CorrectionBoard::recent(WallTime now) const {
  const std::int64_t oldest = minute_of(now) - kKept.count();
  std::map<Kind, std::uint64_t> sums;
  for (const Minute& minute : minutes_) {
    if (minute.number <= oldest) continue;
    for (const auto& [kind, count] : minute.counts) sums[kind] += count;
  }
  std::vector<rpc::Correction> out;
  out.reserve(sums.size());
  for (const auto& [kind, count] : sums) {
    const auto& [domain, resolver, client, from, to] = kind;
    out.push_back({domain, resolver, client, from, to, count});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return out;
}

}  // namespace yz::control
