#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "bus/bus.h"

namespace yz::bus {

// Segments and records on disk: docs/formats/bus-log.md. Pure.

constexpr std::size_t kMaxMessage = 4U << 20;
constexpr std::size_t kSegmentHeaderSize = 16;
constexpr std::size_t kRecordHeaderSize = 24;

/// One message as stored. `bytes` points into what was decoded.
struct Record {
  Offset offset;
  WallTime at;  ///< when it was published
  std::string_view bytes;
  std::size_t size = 0;  ///< on disk, header included
};

[[nodiscard]] std::string encode_segment_header(Offset first);
/// The first offset of the segment that begins with `bytes`. Fails with kCorrupt, or kUnsupported for a newer version.
[[nodiscard]] Result<Offset> decode_segment_header(std::string_view bytes);

void append_record(std::string& out, Offset offset, WallTime at, std::string_view bytes);
/// The record `bytes` begins with; none when they end inside it. Fails with kCorrupt when it cannot be one, or its
/// checksum is wrong.
[[nodiscard]] Result<std::optional<Record>> decode_record(std::string_view bytes);

}  // namespace yz::bus
