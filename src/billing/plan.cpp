#include "billing/plan.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

constexpr std::array<std::string_view, 10> kModes = {"traffic",          "day_peak",
                                                     "month_95",         "month_95_night_half",
                                                     "average_day_peak", "fourth_day_peak",
                                                     "average_day_95",   "top_five_days",
                                                     "requests",         "fixed"};
constexpr std::array<std::string_view, kRequestClasses> kClasses = {"plain_static", "plain_dynamic", "tls_static",
                                                                    "tls_dynamic", "quic"};

}  // namespace

std::string_view to_string(Mode mode) { return kModes[static_cast<std::size_t>(mode)]; }
std::string_view to_string(RequestClass name) { return kClasses[static_cast<std::size_t>(name)]; }

bool is_bandwidth(Mode mode) { return mode != Mode::kTraffic && mode != Mode::kRequests && mode != Mode::kFixed; }

std::size_t region_of(const Plan& plan, std::string_view country) {
  std::size_t rest = 0;
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    for (const std::string& one : plan.regions[i].countries) {
      if (one == country) return i;
      if (one == "*") rest = i;
    }
  }
  return rest;
}

}  // namespace yz::billing
