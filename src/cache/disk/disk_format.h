#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/object.h"

namespace yz::cache {

// The bytes of a disk cache: docs/formats/disk-cache.md. Everything here is pure, and reads anything without harm.

inline constexpr std::string_view kDiskMagic = "YZDISK\r\n";
/// Sizes of fixed parts.
inline constexpr std::size_t kDiskBlock = 4096;
inline constexpr std::size_t kRecordUnit = 64;  ///< records begin at multiples of it
inline constexpr std::size_t kRecordHeaderSize = 64;
inline constexpr std::size_t kTableEntrySize = 24;

/// Block 0: what the rest of the device is.
struct Superblock {
  std::uint64_t format = 0;  ///< drawn when the device was formatted; in every header, so that no older bytes count
  std::uint64_t region_size = 0;
};
[[nodiscard]] std::string encode_superblock(const Superblock& block);
/// Fails with kUnsupported for another version of ours, kNotFound when the block is empty, kCorrupt otherwise.
[[nodiscard]] Result<Superblock> decode_superblock(std::string_view block);

/// Blocks 1 and 2 in turn: how far the purge clock was. A purge log that is behind it has lost purges.
struct PurgeMark {
  std::uint64_t number = 0;  ///< grows with each write
  std::uint64_t purge_clock = 0;
};
[[nodiscard]] std::string encode_purge_mark(std::uint64_t format, const PurgeMark& mark);
[[nodiscard]] std::optional<PurgeMark> decode_purge_mark(std::uint64_t format, std::string_view block);

/// First block of a region. `seq` counts the regions opened on the device.
[[nodiscard]] std::string encode_region_header(std::uint64_t format, std::uint64_t seq);
/// The region's number, or none.
[[nodiscard]] std::optional<std::uint64_t> decode_region_header(std::uint64_t format, std::string_view block);

enum class RecordKind : std::uint8_t {
  kObject = 1,
  kRule = 2,   ///< what a URL varies by, under its primary key
  kErase = 3,  ///< whatever was written for the slot before is void
};

/// One line of a sealed region's table.
struct TableEntry {
  Hash128 slot;
  std::uint32_t unit = 0;  ///< where the record begins, in kRecordUnit from the region's start
  std::uint32_t size = 0;  ///< of the whole record in kRecordUnit, < 2^24
  RecordKind kind = RecordKind::kObject;
};
/// What a sealed region ends in: the table, padded to blocks, then the trailer in the last block.
[[nodiscard]] std::string encode_region_end(std::uint64_t format, std::uint64_t seq,
                                            const std::vector<TableEntry>& table);
/// Bytes that `count` entries take at the end of a region, the trailer included.
[[nodiscard]] std::size_t region_end_size(std::size_t count);
struct RegionTrailer {
  std::uint64_t seq = 0;
  std::uint32_t count = 0;
  std::uint32_t table_crc = 0;
};
[[nodiscard]] std::optional<RegionTrailer> decode_region_trailer(std::uint64_t format, std::string_view block);
/// The table before a trailer; none when it is not sound. Entries point into a region of `region_size` bytes.
[[nodiscard]] std::optional<std::vector<TableEntry>> decode_table(const RegionTrailer& trailer, std::string_view bytes,
                                                                  std::uint64_t region_size);

/// What stands before each record's payload.
struct RecordHeader {
  std::uint64_t region_seq = 0;
  Hash128 slot;
  std::uint32_t payload_size = 0;
  std::uint32_t payload_crc = 0;
  RecordKind kind = RecordKind::kObject;
  /// Header and payload, rounded up to kRecordUnit.
  [[nodiscard]] std::uint64_t record_size() const {
    return (kRecordHeaderSize + payload_size + kRecordUnit - 1) / kRecordUnit * kRecordUnit;
  }
};
void append_record_header(std::string& out, std::uint64_t format, const RecordHeader& header);
/// None when these bytes are not the header of a record of that format.
[[nodiscard]] std::optional<RecordHeader> decode_record_header(std::uint64_t format, std::string_view bytes);
/// Checks the payload against its header.
[[nodiscard]] bool is_sound(const RecordHeader& header, std::string_view payload);

/// Bytes an object's payload takes.
[[nodiscard]] std::size_t payload_size_of(const Object& object);
/// Appends all of the object but its body, which follows it as it is.
void append_object_head(std::string& out, const Object& object);
/// An object's payload; `meta` refers to the bytes it was read from and to `tags`.
struct ObjectPayload {
  ObjectMeta meta;
  std::vector<std::uint32_t> tags;
  std::string_view body;
};
/// None when the bytes are not such a payload.
[[nodiscard]] std::optional<ObjectPayload> decode_object(std::string_view payload);

/// A rule's payload: its names, and since when it holds. Variants received before are not found under it.
struct RulePayload {
  WallTime since;
  std::string_view names;
};
[[nodiscard]] std::string encode_rule(const RulePayload& rule);
[[nodiscard]] std::optional<RulePayload> decode_rule(std::string_view payload);

}  // namespace yz::cache
