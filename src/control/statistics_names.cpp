#include "control/statistics_names.h"

#include <array>

#include "geo/region.h"
#include "model/enum_names.h"

namespace yz::control {
namespace {

using store::Facet;
using store::StatisticsStep;

/// By the facet's number.
constexpr std::array<std::string_view, 10> kFacets = {"none", "status", "cache", "protocol", "region",
                                                      "isp",  "group",  "node",  "domain",   "tenant"};
constexpr std::string_view kUnknown = "unknown";
constexpr std::uint64_t kTlsFlag = 16;

std::string region_name(std::uint64_t value) {
  const auto country = geo::Country::from_value(static_cast<std::uint16_t>(value >> 8));
  if (!country.is_known()) return std::string(kUnknown);
  std::string out = geo::to_string(country);
  const std::uint64_t province = value & 0xff;
  if (province > 0 && province < geo::kProvinceCount) {
    out.append("-").append(geo::to_string(static_cast<geo::Province>(province)));
  }
  return out;
}

template <typename Enum>
std::string enum_name(std::uint64_t value) {
  const auto names = model::names_of<Enum>();
  return std::string(value < names.size() ? names[value] : kUnknown);
}

template <typename Map, typename Id>
std::string name_in(const Map& map, Id id) {
  const auto* found = map.find(id);
  return found == nullptr ? std::string() : found->name;
}

}  // namespace

std::optional<Facet> parse_facet(std::string_view name) {
  for (std::size_t i = 0; i < kFacets.size(); ++i) {
    if (kFacets[i] == name) return static_cast<Facet>(i);
  }
  return std::nullopt;
}

std::optional<StatisticsStep> parse_step(std::string_view name) {
  for (const auto step :
       {StatisticsStep::kMinute, StatisticsStep::kFiveMinutes, StatisticsStep::kHour, StatisticsStep::kDay}) {
    if (to_string(step) == name) return step;
  }
  return std::nullopt;
}

std::string_view to_string(StatisticsStep step) {
  switch (step) {
    case StatisticsStep::kMinute:
      return "1m";
    case StatisticsStep::kFiveMinutes:
      return "5m";
    case StatisticsStep::kHour:
      return "1h";
    case StatisticsStep::kDay:
      return "1d";
  }
  return "";
}

std::string key_of_value(Facet facet, std::uint64_t value) {
  switch (facet) {
    case Facet::kTotal:
      return "total";
    case Facet::kStatus:
      return std::to_string(value) + "xx";
    case Facet::kCache:
      return enum_name<model::CacheResult>(value);
    case Facet::kProtocol:
      return enum_name<model::Protocol>(value % kTlsFlag) + (value >= kTlsFlag ? "+tls" : "");
    case Facet::kRegion:
      return region_name(value);
    case Facet::kIsp:
      return value == 0 || value >= geo::kIspCount ? std::string(kUnknown)
                                                   : std::string(geo::to_string(static_cast<geo::Isp>(value)));
    default:
      return std::to_string(value);
  }
}

std::string name_of_value(Facet facet, std::uint64_t value, const model::ConfigSnapshot& config) {
  switch (facet) {
    case Facet::kGroup:
      return name_in(config.node_groups, model::NodeGroupId{value});
    case Facet::kNode:
      return name_in(config.nodes, model::NodeId{value});
    case Facet::kDomain:
      return name_in(config.domains, model::DomainId{value});
    default:
      return {};
  }
}

}  // namespace yz::control
