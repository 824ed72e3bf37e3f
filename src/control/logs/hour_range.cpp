#include "control/logs/hour_range.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/log_batch.h"

namespace yz::control {

tl::expected<std::uint32_t, Problem> read_hour(const Call& call, std::string_view name, std::uint32_t otherwise) {
  const auto text = call.parameter(name);
  if (!text) return otherwise;
  const auto time = parse_rfc3339(*text);
  if (!time || *time < WallTime()) {
    return refuse(bad_request(fmt::format("{} must be a time such as 2026-11-21T03:00:00Z.", name)));
  }
  return model::hour_of(*time);
}

tl::expected<HourRange, Problem> read_hours(const Call& call, std::uint32_t most_days) {
  const auto to = read_hour(call, "to", model::hour_of(call.now) + 1);
  if (!to) return refuse(to.error());
  const auto from = read_hour(call, "from", *to - std::min(*to, 24U));
  if (!from) return refuse(from.error());
  if (*from >= *to) return refuse(bad_request("from must be before to."));
  if (*to - *from > most_days * 24) return refuse(bad_request(fmt::format("At most {} days at a time.", most_days)));
  return HourRange{*from, *to};
}

}  // namespace yz::control
