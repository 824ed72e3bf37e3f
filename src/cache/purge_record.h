#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/key.h"

namespace yz::cache {

enum class PurgeKind : std::uint8_t {
  kUrl = 1,        ///< id is a BaseId: all variants and slices of one URL
  kDirectory = 2,  ///< id is `directory_id`: everything below
  kTag = 3,        ///< id is `tag_id`
  kHost = 4,       ///< id is `host_id`
  kAll = 5,        ///< id is unused
  kResync = 6,     ///< records up to `seq` were missed: whatever was born before is stale; id is unused
  kMark = 7,       ///< all records up to `seq` were applied, this one changes nothing; id is unused
};

/// One purge. Records are numbered without gaps by whoever issues them.
struct PurgeRecord {
  Seq seq;
  PurgeKind kind = PurgeKind::kUrl;
  bool is_hard = true;  ///< hard: gone. Soft: stale, to be revalidated, still good for stale-if-error
  std::uint64_t id = 0;
  friend bool operator==(const PurgeRecord&, const PurgeRecord&) = default;
};

// The file: docs/formats/purge-log.md.

/// Bytes of the file's header and of each record in it.
inline constexpr std::size_t kPurgeHeaderSize = 16;
inline constexpr std::size_t kPurgeRecordSize = 24;

[[nodiscard]] std::string encode_purge_header();
void append_purge_record(std::string& out, const PurgeRecord& record);

/// What a purge file holds, up to the first byte that is not right.
struct PurgeFile {
  std::vector<PurgeRecord> records;
  std::size_t good_size = 0;  ///< bytes that are sound; the rest is to be cut off
  bool is_damaged = false;    ///< more than a torn tail is missing: a sound record follows the first bad one
};
/// Fails with kCorrupt when the header is not that of a purge log; a damaged rest is told in the result.
[[nodiscard]] Result<PurgeFile> decode_purge_file(std::string_view bytes);

}  // namespace yz::cache
