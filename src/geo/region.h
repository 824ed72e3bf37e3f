#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace yz::geo {

/// An ISO 3166-1 alpha-2 country, two upper-case letters; none when unknown.
class Country {
 public:
  constexpr Country() = default;  ///< unknown
  /// "CN", "cn"; none for anything but two letters.
  [[nodiscard]] static std::optional<Country> parse(std::string_view text);

  [[nodiscard]] constexpr bool is_known() const { return value_ != 0; }
  /// Two letters in one number, 0 when unknown; the form on disk.
  [[nodiscard]] constexpr std::uint16_t value() const { return value_; }
  /// The country of a `value()`; unknown when it is not two upper-case letters.
  [[nodiscard]] static constexpr Country from_value(std::uint16_t value) {
    const auto high = static_cast<char>(value >> 8);
    const auto low = static_cast<char>(value & 0xff);
    Country out;
    if (high >= 'A' && high <= 'Z' && low >= 'A' && low <= 'Z') out.value_ = value;
    return out;
  }
  friend constexpr auto operator<=>(Country, Country) = default;

 private:
  std::uint16_t value_ = 0;
};

/// "CN"; "" when unknown.
[[nodiscard]] std::string to_string(Country country);
inline constexpr Country kChina = Country::from_value('C' << 8 | 'N');

/// The provinces of China in the order of ISO 3166-2:CN's GB/T 2260 numbers. The numbers are on disk: never renumber.
enum class Province : std::uint8_t {
  kNone = 0,
  kBeijing,
  kTianjin,
  kHebei,
  kShanxi,
  kNeimenggu,
  kLiaoning,
  kJilin,
  kHeilongjiang,
  kShanghai,
  kJiangsu,
  kZhejiang,
  kAnhui,
  kFujian,
  kJiangxi,
  kShandong,
  kHenan,
  kHubei,
  kHunan,
  kGuangdong,
  kGuangxi,
  kHainan,
  kChongqing,
  kSichuan,
  kGuizhou,
  kYunnan,
  kXizang,
  kShaanxi,
  kGansu,
  kQinghai,
  kNingxia,
  kXinjiang,
  kTaiwan,
  kHongkong,
  kMacau,
};
inline constexpr std::size_t kProvinceCount = 35;  ///< with kNone

/// The access line of a client. The numbers are on disk: never renumber.
enum class Isp : std::uint8_t {
  kNone = 0,  ///< unknown
  kTelecom,
  kUnicom,
  kMobile,
  kCernet,
  kCstnet,
  kDrpeng,
  kCatv,
  kCloud,  ///< a cloud or data-centre operator
  kOther,  ///< known to be none of the above
};
inline constexpr std::size_t kIspCount = 10;

/// The greater regions (大区) that neighbouring provinces form, for fallback inside one line.
enum class Region : std::uint8_t {
  kNone = 0,
  kNorth,
  kNortheast,
  kEast,
  kCentral,
  kSouth,
  kSouthwest,
  kNorthwest,
  kOutside
};

/// Reads a province in any usual spelling: "guangdong", "GD", "CN-GD", "广东", "广东省", "shaanxi", "sshanxi",
/// "内蒙古自治区", "neimenggu", "inner mongolia". None when it is no province.
[[nodiscard]] std::optional<Province> parse_province(std::string_view text);
/// Reads an ISP: "unicom", "cu", "cnc", "联通", "中国联通", "China Unicom"; "none" and "other" too. None otherwise.
[[nodiscard]] std::optional<Isp> parse_isp(std::string_view text);
/// The province of a GB/T 2260 number (51 or 510000: Sichuan); kNone when there is none.
[[nodiscard]] Province province_of_gb_code(std::uint32_t code);

/// Stable lower-case pinyin name ("guangdong", "shaanxi"); "" for kNone.
[[nodiscard]] std::string_view to_string(Province province);
/// Stable lower-case name ("telecom"); "" for kNone.
[[nodiscard]] std::string_view to_string(Isp isp);
[[nodiscard]] std::string_view to_string(Region region);
[[nodiscard]] Region region_of(Province province);

/// What is known about an address. Four facts in eight bytes; all unknown by default.
struct GeoInfo {
  Country country;
  Province province = Province::kNone;
  Isp isp = Isp::kNone;
  std::uint32_t asn = 0;  ///< 0 when unknown

  friend constexpr auto operator<=>(const GeoInfo&, const GeoInfo&) = default;
};

/// "CN guangdong telecom AS4134", with "-" for what is unknown.
[[nodiscard]] std::string to_string(const GeoInfo& info);

}  // namespace yz::geo
