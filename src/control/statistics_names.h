#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/config_snapshot.h"
#include "store/statistics_store.h"

namespace yz::control {

/// The facet of an API name ("status", "cache", "protocol", "region", "isp", "group", "node", "domain", "tenant",
/// "none"); none for other text.
[[nodiscard]] std::optional<store::Facet> parse_facet(std::string_view name);
/// The step of "1m", "5m", "1h" or "1d"; none for other text.
[[nodiscard]] std::optional<store::StatisticsStep> parse_step(std::string_view name);
[[nodiscard]] std::string_view to_string(store::StatisticsStep step);

/// What a value of a facet is called in the API: "2xx", "hit", "http2+tls", "CN-guangdong", "unicom", an id.
[[nodiscard]] std::string key_of_value(store::Facet facet, std::uint64_t value);
/// The name of what the id means now; "" when it is no id, or nothing that exists.
[[nodiscard]] std::string name_of_value(store::Facet facet, std::uint64_t value, const model::ConfigSnapshot& config);

}  // namespace yz::control
