#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "geo/region.h"

/// The layout of the compiled address map, docs/formats/geo-map.md. Little-endian; read in place.
namespace yz::geo::format {

static_assert(std::endian::native == std::endian::little, "the map is read in place");
static_assert(sizeof(GeoInfo) == 8 && std::is_trivially_copyable_v<GeoInfo>, "GeoInfo is the info on disk");

inline constexpr std::array<char, 8> kMagic = {'Y', 'Z', 'G', 'E', 'O', 'M', 'A', 'P'};
inline constexpr std::uint32_t kVersion = 1;

/// IPv4 index: by the first 20 bits.
inline constexpr std::uint32_t kV4IndexSize = (1U << 20) + 1;
inline constexpr int kV4IndexShift = 12;
/// IPv6 index: by bits 3 to 22 of addresses in 2000::/3, the only space in global use (RFC 4291 §2.4).
inline constexpr std::uint32_t kV6IndexSize = (1U << 20) + 1;
inline constexpr std::uint64_t kV6IndexFirst = 0x2000'0000'0000'0000ULL;  ///< high half of 2000::
inline constexpr std::uint64_t kV6IndexEnd = 0x4000'0000'0000'0000ULL;
inline constexpr int kV6IndexShift = 41;

/// The info lies beside the address: a lookup that has found its range has read the answer with it.
struct V4Range {
  std::uint32_t first;  ///< up to the next range's first
  GeoInfo info;
};

struct V6Range {
  std::uint64_t first_high;
  std::uint64_t first_low;
  GeoInfo info;
};

/// Offsets are from the file's start and multiples of eight.
struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t header_size;
  std::uint64_t built_at;
  std::uint64_t file_size;
  std::uint32_t v4_count;
  std::uint32_t v4_offset;
  std::uint32_t v6_count;
  std::uint32_t v6_offset;
  std::uint32_t v4_index_offset;
  std::uint32_t v6_index_offset;
  std::uint32_t body_crc;    ///< CRC-32C of all bytes after the header
  std::uint32_t header_crc;  ///< CRC-32C of the header up to this field
};
static_assert(sizeof(Header) == 64);
static_assert(sizeof(V4Range) == 12);
static_assert(sizeof(V6Range) == 24);

}  // namespace yz::geo::format
