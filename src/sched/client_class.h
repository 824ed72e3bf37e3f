#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/ip.h"
#include "geo/region.h"
#include "model/ids.h"

namespace yz::sched {

/// What the decision looks at in a viewer: place and line. Viewers of one class get the same candidates.
struct ClientClass {
  geo::Country country;
  geo::Province province = geo::Province::kNone;
  geo::Isp isp = geo::Isp::kNone;

  friend constexpr auto operator<=>(const ClientClass&, const ClientClass&) = default;
};

[[nodiscard]] ClientClass class_of(const geo::GeoInfo& info);
/// "CN beijing unicom", with "-" for what is unknown.
[[nodiscard]] std::string to_string(const ClientClass& client);

/// Which of the interchangeable answers a viewer gets: the same for all viewers of one /24 (IPv4) or /56 (IPv6), so
/// that neighbours share a cache; DNS, 302, HTTP-DNS and the edge use it alike and therefore name the same node.
[[nodiscard]] std::uint64_t salt_of(model::DomainId domain, const IpAddress& client);

}  // namespace yz::sched
