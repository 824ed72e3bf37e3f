#include "model/place.h"

#include <algorithm>
#include <string_view>

namespace yz::model {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_upper_or_digit(char c) { return is_upper(c) || (c >= '0' && c <= '9'); }

}  // namespace

bool is_country_code(const std::string& text) { return text.size() == 2 && is_upper(text[0]) && is_upper(text[1]); }

bool is_province_code(const std::string& text) {
  return text.size() >= 4 && text.size() <= 6 && is_country_code(text.substr(0, 2)) && text[2] == '-' &&
         std::all_of(text.begin() + 3, text.end(), is_upper_or_digit);
}

bool is_isp_name(const std::string& text) {
  static constexpr std::string_view kNames[] = {"telecom", "unicom", "mobile", "cernet", "cstnet",
                                                "drpeng",  "catv",   "cloud",  "other"};
  return std::find(std::begin(kNames), std::end(kNames), text) != std::end(kNames);
}

}  // namespace yz::model
