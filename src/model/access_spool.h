#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/spool_name.h"

namespace yz::model {

// The files of an edge's access spool around their records (access_record.h): docs/formats/access-spool.md. Pure.

inline constexpr std::size_t kSegmentHead = 64;
/// Where the head's two words lie that change while a segment is written; 8 bytes each, little-endian.
inline constexpr std::size_t kSegmentClosedAt = 40;
inline constexpr std::size_t kSegmentPublishedAt = 48;

/// Of which process and in which order. File name: "<epoch>-<number>.access".
using SegmentName = SpoolName;
[[nodiscard]] std::string file_name(const SegmentName& name);
[[nodiscard]] std::optional<SegmentName> parse_segment_name(std::string_view file_name);

struct SegmentHead {
  SegmentName name;
  WallTime created;
  bool is_closed = false;     ///< nothing more will be written
  std::uint32_t records = 0;  ///< published
  std::uint32_t bytes = 0;    ///< of these, behind the head
  friend bool operator==(const SegmentHead&, const SegmentHead&) = default;
};
/// The word at kSegmentPublishedAt.
[[nodiscard]] constexpr std::uint64_t published_word(std::uint32_t records, std::uint32_t bytes) {
  return std::uint64_t{records} << 32 | bytes;
}
/// kSegmentHead bytes.
[[nodiscard]] std::string encode(const SegmentHead& head);
/// Fails with kCorrupt or kUnsupported.
[[nodiscard]] Result<SegmentHead> decode_segment_head(std::string_view bytes);

// ---- what was not written

/// Hours since the epoch, UTC.
[[nodiscard]] constexpr std::uint32_t hour_of(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count());
}
[[nodiscard]] constexpr WallTime start_of_hour(std::uint32_t hour) { return WallTime(std::chrono::hours(hour)); }

/// How many requests of a domain were not written down in an hour, as counted in one epoch. A later report of the same
/// epoch, hour and domain replaces an earlier one.
struct AccessLoss {
  std::uint64_t epoch = 0;
  std::uint32_t hour = 0;  ///< 0: not known
  DomainId domain;         ///< none: not known
  std::uint64_t lost = 0;
  friend bool operator==(const AccessLoss&, const AccessLoss&) = default;
};

/// The file "<epoch>.losses": a head of kLossesHead bytes, then cells of three words: tag (0: free, 1: being taken,
/// else the hour plus 2), domain, count. The first cell is that of losses that found none.
inline constexpr std::size_t kLossesHead = 64;
inline constexpr std::size_t kLossCells = 4096;
inline constexpr std::size_t kLossesSize = kLossesHead + kLossCells * 24;
/// An hour's tag.
[[nodiscard]] constexpr std::uint64_t loss_tag(std::uint32_t hour) { return std::uint64_t{hour} + 2; }

[[nodiscard]] std::string losses_file_name(std::uint64_t epoch);
/// The epoch; none for other names.
[[nodiscard]] std::optional<std::uint64_t> parse_losses_name(std::string_view file_name);
/// kLossesHead bytes.
[[nodiscard]] std::string encode_losses_head(std::uint64_t epoch);
/// The losses of a whole file, cells of one hour and domain added up. Fails with kCorrupt or kUnsupported.
[[nodiscard]] Result<std::vector<AccessLoss>> decode_losses(std::string_view bytes);

}  // namespace yz::model
