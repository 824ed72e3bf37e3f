#include "model/spool_name.h"

#include <fmt/format.h>

#include "base/text.h"

namespace yz::model {

std::string file_name(const SpoolName& name, std::string_view suffix) {
  return fmt::format("{}-{}{}", name.epoch, name.number, suffix);
}

std::optional<SpoolName> parse_spool_name(std::string_view file_name, std::string_view suffix) {
  if (!file_name.ends_with(suffix)) return std::nullopt;
  file_name.remove_suffix(suffix.size());
  const auto dash = file_name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto epoch = parse_u64(file_name.substr(0, dash));
  const auto number = parse_u64(file_name.substr(dash + 1));
  if (!epoch || !number) return std::nullopt;
  return SpoolName{*epoch, *number};
}

}  // namespace yz::model
