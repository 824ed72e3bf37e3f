#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace yz::model {

/// What a spool's file is called by: who made it, and in which order. "17-3.usage" is file 3 of epoch 17.
struct SpoolName {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const SpoolName&, const SpoolName&) = default;
};

/// "<epoch>-<number><suffix>".
[[nodiscard]] std::string file_name(const SpoolName& name, std::string_view suffix);
/// None for other names, unfinished files among them.
[[nodiscard]] std::optional<SpoolName> parse_spool_name(std::string_view file_name, std::string_view suffix);

}  // namespace yz::model
