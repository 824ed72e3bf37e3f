#pragma once

#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

#include "control/call.h"

namespace yz::control {

/// Hours since the epoch, [from, to).
struct HourRange {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

/// The hour of a query parameter that is a time, `otherwise` without it; 400 when it is something else.
[[nodiscard]] tl::expected<std::uint32_t, Problem> read_hour(const Call& call, std::string_view name,
                                                             std::uint32_t otherwise);
/// Those from `from` to `to`: by default the last 24 with the one under way; 400 when they are more than `most_days`.
[[nodiscard]] tl::expected<HourRange, Problem> read_hours(const Call& call, std::uint32_t most_days);

}  // namespace yz::control
