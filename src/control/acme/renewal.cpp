#include "control/acme/renewal.h"

#include <algorithm>
#include <string>

#include "base/hash.h"

namespace yz::control {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::hours kShortLife{24 * 10};

/// A point of [0, span) that stays the same for this certificate.
milliseconds point_of(milliseconds span, model::CertificateId id, WallTime not_after) {
  if (span <= milliseconds(0)) return milliseconds(0);
  const std::string key = std::to_string(id.value) + '/' + std::to_string(not_after.time_since_epoch().count());
  return milliseconds(static_cast<std::int64_t>(hash64(key) % static_cast<std::uint64_t>(span.count())));
}

}  // namespace

WallTime renewal_time(WallTime not_before, WallTime not_after, const store::AcmeUpkeep& upkeep) {
  if (upkeep.window_end > WallTime{} && upkeep.window_start < not_after) {
    const WallTime end = std::min(upkeep.window_end, not_after);
    return upkeep.window_start + point_of(end - upkeep.window_start, upkeep.certificate, not_after);
  }
  const milliseconds life = std::max(not_after - not_before, milliseconds(0));
  const milliseconds used = life < kShortLife ? life / 2 : life * 2 / 3;
  return not_before + used - point_of((life - used) / 10, upkeep.certificate, not_after);
}

milliseconds backoff(std::uint64_t attempts, milliseconds first, milliseconds most, std::uint64_t chance) {
  milliseconds wait = first;
  for (std::uint64_t i = 1; i < attempts && wait < most; ++i) wait *= 2;
  wait = std::min(wait, most);
  const auto quarter = static_cast<std::uint64_t>(wait.count() / 4);
  return wait - milliseconds(static_cast<std::int64_t>(quarter == 0 ? 0 : chance % quarter));
}

}  // namespace yz::control
