#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/access_spool.h"
#include "model/ids.h"

namespace yz::model {

// Access logs on their way from a node to control and as control keeps them: docs/formats/log-batch.md. Pure.

/// The lines of one domain and hour in a batch: one zstd frame (RFC 8878).
struct LogSlice {
  std::uint32_t hour = 0;  ///< since the epoch, UTC
  DomainId domain;
  std::uint64_t lines = 0;
  std::uint64_t text_bytes = 0;  ///< uncompressed
  std::uint64_t size = 0;        ///< of the frame
  friend bool operator==(const LogSlice&, const LogSlice&) = default;
};

/// How far a segment of the spool has been taken.
struct SegmentPosition {
  SegmentName segment;
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  friend bool operator==(const SegmentPosition&, const SegmentPosition&) = default;
};

/// What a batch says of itself. (node, epoch, number) names it for good: kept once however often it arrives.
struct LogBatchHead {
  NodeId node;
  std::uint64_t epoch = 0;                 ///< drawn when the node's collector began
  std::uint64_t number = 0;                ///< 1, 2, 3 within the epoch
  std::vector<LogSlice> slices;            ///< ascending by (hour, domain); their frames follow in this order
  std::vector<AccessLoss> losses;          ///< all that the node knows of
  std::vector<SegmentPosition> positions;  ///< of the spool after this batch, for the collector itself
  friend bool operator==(const LogBatchHead&, const LogBatchHead&) = default;
};

/// What a batch may hold: more is refused.
inline constexpr std::uint64_t kMaxLogSlices = 1U << 18;
inline constexpr std::uint64_t kMaxLogLosses = 1U << 16;
inline constexpr std::uint64_t kMaxLogPositions = 1U << 16;
inline constexpr std::uint64_t kMaxLogBatch = 64U << 20;  ///< bytes, frames included

/// Bytes before the head's body: enough to learn how long the head is.
inline constexpr std::size_t kLogBatchStart = 16;

/// A whole batch; `frames` are those of the slices, one after the other.
[[nodiscard]] std::string encode(const LogBatchHead& head, std::string_view frames);

struct LogBatch {
  LogBatchHead head;
  std::uint64_t frames_at = 0;  ///< where the first frame begins

  /// Calls `visit(slice, offset of its frame)` for each, in order.
  template <typename Visit>
  void for_each_slice(Visit&& visit) const {
    std::uint64_t at = frames_at;
    for (const LogSlice& slice : head.slices) {
      visit(slice, at);
      at += slice.size;
    }
  }
};
/// Checks everything: lengths, checksums, order. Fails with kCorrupt or kUnsupported.
[[nodiscard]] Result<LogBatch> decode_log_batch(std::string_view bytes);
/// The length of start and body, from the first kLogBatchStart bytes. Fails as above.
[[nodiscard]] Result<std::uint64_t> log_batch_head_size(std::string_view start);
/// Start and body only, of a batch that was checked when it came.
[[nodiscard]] Result<LogBatch> decode_log_batch_head(std::string_view bytes);

}  // namespace yz::model
