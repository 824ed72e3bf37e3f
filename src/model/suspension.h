#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/ids.h"

namespace yz::model {

/// Which limit was reached (docs/operate/caps.md).
enum class CapKind : std::uint8_t {
  kBandwidth,  ///< bits a second to viewers
  kTraffic,    ///< bytes to viewers in a calendar month
  kSpend,      ///< what a calendar month costs
};

/// Viewers of what it covers are refused by every edge while it is in the configuration, and their running answers are
/// cut off. Control adds it when a cap is reached and removes it when the cap lets go.
struct Suspension {
  SuspensionId id;
  TenantId tenant;
  std::string name;  ///< unique: "cap/12"
  DomainId domain;   ///< none: all of the tenant's
  CapKind cause = CapKind::kBandwidth;
  WallTime until;  ///< when it is expected to end; viewers are told to come back then

  friend bool operator==(const Suspension&, const Suspension&) = default;
};

}  // namespace yz::model
