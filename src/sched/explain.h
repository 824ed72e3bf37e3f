#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "sched/decide.h"

namespace yz::sched {

/// A decision for people: class, chain, candidates with weights and reasons, chosen nodes, TTL. Several lines.
[[nodiscard]] std::string explain_text(const Decision& decision, const SchedView& view);
/// The same for programs: {client, domain, policy, steps[], candidates[], chosen[], ttl, degraded, panic, unanswered}.
[[nodiscard]] nlohmann::json explain_json(const Decision& decision, const SchedView& view);
/// "not_in_force" and so on; "" for kNo.
[[nodiscard]] std::string_view to_string(Unanswered reason);

}  // namespace yz::sched
