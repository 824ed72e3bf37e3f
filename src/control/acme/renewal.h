#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "store/acme_store.h"

namespace yz::control {

/// When a certificate is to be renewed: at a point of the window its authority suggested (RFC 9773 §4.2), or when two
/// thirds of its life are over (half, when it lives less than ten days), earlier by up to a tenth of that rest. The
/// point follows from `salt` and the certificate's times: the same for every look and instance, different between
/// certificates. A window is believed only as far as it ends before the certificate does.
[[nodiscard]] WallTime renewal_time(WallTime not_before, WallTime not_after, const store::AcmeUpkeep& upkeep);

/// How long to wait after the `attempts`-th failure in a row (from 1): `first` doubled each time up to `most`, of which
/// up to a quarter is taken off by `chance` (any number).
[[nodiscard]] std::chrono::milliseconds backoff(std::uint64_t attempts, std::chrono::milliseconds first,
                                                std::chrono::milliseconds most, std::uint64_t chance);

}  // namespace yz::control
