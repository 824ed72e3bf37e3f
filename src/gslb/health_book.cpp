#include "gslb/health_book.h"

#include <algorithm>

namespace yz::gslb {

using model::Health;

/// Shares move in steps, so that a recovery rebuilds the tables ten times and not on every tick.
static constexpr int kRampSteps = 10;

bool HealthBook::set(Entry& entry, Health health, WallTime wall) {
  if (entry.health == health) return false;
  entry.health = health;
  entry.since = wall;
  return true;
}

bool HealthBook::record_success(model::NodeId node, MonoTime now, WallTime wall) {
  auto& entry = entries_[node];
  entry.failures = 0;
  entry.is_held = false;
  ++entry.successes;
  switch (entry.health) {
    case Health::kUp:
      return false;
    case Health::kDown:
      if (entry.successes < rules_.rise) return false;
      entry.is_ramping = true;
      entry.recovered_at = now;
      return set(entry, Health::kUp, wall);
    case Health::kUnknown:
    case Health::kSuspect:
      return set(entry, Health::kUp, wall);
  }
  return false;
}

bool HealthBook::record_failure(model::NodeId node, std::string reason, MonoTime now, WallTime wall) {
  auto& entry = entries_[node];
  if (entry.failures++ == 0) entry.failing_since = now;
  entry.successes = 0;
  entry.reason = std::move(reason);
  if (entry.health == Health::kDown) return false;
  if (entry.failures < rules_.fall) return set(entry, Health::kSuspect, wall);
  entry.is_held = true;
  if (is_blind_ || is_mass_loss(entry.failing_since)) {
    if (!is_blind_) blind_until_ = now + rules_.blind_hold;
    is_blind_ = true;
    bool changed = set(entry, Health::kSuspect, wall);
    // Those of this loss that had fallen before it showed its size are believed no more than the rest.
    for (auto& [id, other] : entries_) {
      if (other.health != Health::kDown || !other.is_held) continue;
      if (other.failing_since + rules_.loss_window >= entry.failing_since)
        changed |= set(other, Health::kSuspect, wall);
    }
    return changed;
  }
  return set(entry, Health::kDown, wall);
}

bool HealthBook::is_mass_loss(MonoTime since) const {
  std::size_t lost = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.is_held && entry.failing_since + rules_.loss_window >= since) ++lost;
  }
  return lost >= 4 && lost * 10 > entries_.size() * 3;
}

bool HealthBook::tick(MonoTime now, WallTime wall) {
  bool changed = false;
  if (is_blind_) {
    const bool any_answers =
        std::any_of(entries_.begin(), entries_.end(), [](const auto& item) { return item.second.successes > 0; });
    const bool any_held =
        std::any_of(entries_.begin(), entries_.end(), [](const auto& item) { return item.second.is_held; });
    if (!any_held) is_blind_ = false;
    // Somebody answers and the others still do not: it is them, not us.
    if (now >= blind_until_ && any_answers) {
      is_blind_ = false;
      for (auto& [id, entry] : entries_) {
        if (entry.is_held) changed |= set(entry, Health::kDown, wall);
      }
    }
  }
  int steps = 0;
  for (auto& [id, entry] : entries_) {
    if (!entry.is_ramping) continue;
    if (now - entry.recovered_at >= rules_.ramp) {
      entry.is_ramping = false;
      changed = true;
    } else {
      steps += static_cast<int>(share_of(entry, now) * kRampSteps);
    }
  }
  if (steps != ramp_step_) changed = true;
  ramp_step_ = steps;
  return changed;
}

double HealthBook::share_of(const Entry& entry, MonoTime now) const {
  if (!entry.is_ramping || rules_.ramp.count() <= 0) return 1.0;
  const double done =
      std::chrono::duration<double>(now - entry.recovered_at) / std::chrono::duration<double>(rules_.ramp);
  const double stepped = std::clamp(static_cast<int>(done * kRampSteps), 0, kRampSteps) / double{kRampSteps};
  return 0.1 + 0.9 * stepped;
}

std::vector<sched::NodeSignal> HealthBook::signals(MonoTime now) const {
  std::vector<sched::NodeSignal> out;
  out.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) out.push_back({id, entry.health, share_of(entry, now), entry.reason});
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.node < b.node; });
  return out;
}

std::vector<model::HealthVerdict> HealthBook::verdicts() const {
  std::vector<model::HealthVerdict> out;
  for (const auto& [id, entry] : entries_) out.push_back({id, entry.health, entry.reason, entry.since});
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.node < b.node; });
  return out;
}

Health HealthBook::health_of(model::NodeId node) const {
  const auto it = entries_.find(node);
  return it == entries_.end() ? Health::kUnknown : it->second.health;
}

}  // namespace yz::gslb
