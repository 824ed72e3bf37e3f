#pragma once

#include <cstdint>

#include "geo/region.h"

namespace yz::geo {

/// The line that an AS number stands for: Chinese access networks, and the large clouds of the world. kNone for all
/// others. From public routing registries (research: bgp.he.net lists); an override list can say otherwise.
[[nodiscard]] Isp isp_of_asn(std::uint32_t asn);

}  // namespace yz::geo
