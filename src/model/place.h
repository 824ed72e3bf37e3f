#pragma once

#include <string>

namespace yz::model {

/// Where something is, as text that operators write and read. Empty means "not given"; in a match, "any".
/// Room geo turns these into its enums; this room only carries them.
struct Place {
  std::string country;   ///< ISO 3166-1 alpha-2: "CN"
  std::string province;  ///< ISO 3166-2: "CN-BJ"

  friend bool operator==(const Place&, const Place&) = default;
};

/// "^[A-Z]{2}$"
[[nodiscard]] bool is_country_code(const std::string& text);
/// "^[A-Z]{2}-[A-Z0-9]{1,3}$"
[[nodiscard]] bool is_province_code(const std::string& text);
/// Short lower-case name of a line: "telecom", "unicom", "mobile", "cernet", "cstnet", "drpeng", "catv", "cloud",
/// "other".
[[nodiscard]] bool is_isp_name(const std::string& text);

}  // namespace yz::model
