#include "geo/asn_isp.h"

#include <algorithm>
#include <array>

namespace yz::geo {
namespace {

struct AsnRow {
  std::uint32_t asn;
  Isp isp;
};

constexpr auto kRows = [] {
  auto rows = std::to_array<AsnRow>({
      // China Telecom: backbone, CN2, provincial and data-centre networks.
      {4134, Isp::kTelecom},
      {4809, Isp::kTelecom},
      {4811, Isp::kTelecom},
      {4812, Isp::kTelecom},
      {4816, Isp::kTelecom},
      {4835, Isp::kTelecom},
      {17633, Isp::kTelecom},
      {17638, Isp::kTelecom},
      {17799, Isp::kTelecom},
      {23724, Isp::kTelecom},
      {38283, Isp::kTelecom},
      {58461, Isp::kTelecom},
      {58466, Isp::kTelecom},
      {58519, Isp::kTelecom},
      {58539, Isp::kTelecom},
      {58540, Isp::kTelecom},
      {58541, Isp::kTelecom},
      {58542, Isp::kTelecom},
      {58543, Isp::kTelecom},
      {58563, Isp::kTelecom},
      {63835, Isp::kTelecom},
      {133774, Isp::kTelecom},
      {134419, Isp::kTelecom},
      {134420, Isp::kTelecom},
      {134756, Isp::kTelecom},
      {134773, Isp::kTelecom},
      {134774, Isp::kTelecom},
      {136195, Isp::kTelecom},
      {137697, Isp::kTelecom},
      {140292, Isp::kTelecom},
      {140345, Isp::kTelecom},
      // China Unicom: 169 backbone, premium backbone, provincial networks.
      {4808, Isp::kUnicom},
      {4837, Isp::kUnicom},
      {9929, Isp::kUnicom},
      {10206, Isp::kUnicom},
      {17621, Isp::kUnicom},
      {17622, Isp::kUnicom},
      {17623, Isp::kUnicom},
      {17816, Isp::kUnicom},
      {133119, Isp::kUnicom},
      {135061, Isp::kUnicom},
      {136958, Isp::kUnicom},
      {138421, Isp::kUnicom},
      {140726, Isp::kUnicom},
      // China Mobile with Tietong, which it owns.
      {9394, Isp::kMobile},
      {9808, Isp::kMobile},
      {24138, Isp::kMobile},
      {24400, Isp::kMobile},
      {24444, Isp::kMobile},
      {24445, Isp::kMobile},
      {24547, Isp::kMobile},
      {38019, Isp::kMobile},
      {56040, Isp::kMobile},
      {56041, Isp::kMobile},
      {56042, Isp::kMobile},
      {56044, Isp::kMobile},
      {56046, Isp::kMobile},
      {56047, Isp::kMobile},
      {56048, Isp::kMobile},
      {58453, Isp::kMobile},
      {134810, Isp::kMobile},
      // Education and science.
      {4538, Isp::kCernet},
      {23910, Isp::kCernet},
      {7497, Isp::kCstnet},
      // Dr. Peng and cable television.
      {17964, Isp::kDrpeng},
      {17429, Isp::kCatv},
      {23771, Isp::kCatv},
      {24139, Isp::kCatv},
      // Clouds.
      {8075, Isp::kCloud},
      {14618, Isp::kCloud},
      {15169, Isp::kCloud},
      {16509, Isp::kCloud},
      {37963, Isp::kCloud},
      {38365, Isp::kCloud},
      {45090, Isp::kCloud},
      {45102, Isp::kCloud},
      {55967, Isp::kCloud},
      {55990, Isp::kCloud},
      {59019, Isp::kCloud},
      {132203, Isp::kCloud},
      {135377, Isp::kCloud},
      {136907, Isp::kCloud},
      {396982, Isp::kCloud},
  });
  std::sort(rows.begin(), rows.end(), [](const AsnRow& a, const AsnRow& b) { return a.asn < b.asn; });
  return rows;
}();

}  // namespace

Isp isp_of_asn(std::uint32_t asn) {
  const auto it = std::lower_bound(kRows.begin(), kRows.end(), asn,
                                   [](const AsnRow& row, std::uint32_t value) { return row.asn < value; });
  return it != kRows.end() && it->asn == asn ? it->isp : Isp::kNone;
}

}  // namespace yz::geo
