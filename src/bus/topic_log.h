#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "bus/bus.h"
#include "bus/record.h"

namespace yz::bus {

/// How a topic is kept.
struct RetentionOptions {
  ByteCount segment_size = mib(16);
  ByteCount keep_size = gib(1);         ///< of all segments; the newest is always kept
  std::chrono::hours keep_age{7 * 24};  ///< of a segment's newest record
  bool sync_each = false;               ///< fdatasync before publish returns: survives a power cut, not only a kill
};

/// One file of a topic. Written by its log only; readers read the part that is complete.
struct Segment {
  std::filesystem::path path;
  UniqueFd fd;
  Offset first;
  std::atomic<std::uint64_t> size = 0;  ///< bytes of complete records, header included
  WallTime newest;                      ///< guarded by the log's lock
};
/// Shared: a reader finishes a segment that retention has already removed.
using SegmentPtr = std::shared_ptr<Segment>;

/// The append-only log of one topic: numbered segments in a folder. Any thread may call.
class TopicLog final {
 public:
  /// Opens the folder (made when missing) and cuts a torn tail off the newest segment. `clock` must outlive the log.
  [[nodiscard]] static Result<std::unique_ptr<TopicLog>> open(std::filesystem::path folder, RetentionOptions options,
                                                              const Clock& clock);

  /// Fails with kLimit (too large; disk full: nothing is left behind) or kIo.
  Result<Offset> append(std::string_view bytes);
  [[nodiscard]] Offset head() const;
  [[nodiscard]] Offset oldest() const;
  /// The oldest segment that may hold `from` or something newer; null when nothing is kept from there on yet.
  [[nodiscard]] SegmentPtr find(Offset from) const;
  /// The segment that follows, or null: it is the newest.
  [[nodiscard]] SegmentPtr after(const Segment& segment) const;
  /// Blocks until something newer than `after` is there (true) or a stop is asked for (false).
  bool wait_beyond(Offset after, std::stop_token stop) const;

 private:
  TopicLog(std::filesystem::path folder, RetentionOptions options, const Clock& clock);
  Status load();
  Status recover(Segment& segment, bool is_newest);
  Status begin_segment();
  void retire(WallTime now);

  const std::filesystem::path folder_;
  const RetentionOptions options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::deque<SegmentPtr> segments_;
  Offset head_;
};

/// Walks one topic from an offset on. One thread.
class LogReader final {
 public:
  LogReader(const TopicLog& log, Offset from) : log_(log), next_(from) {}

  /// The next record, valid until the next call; none when it has reached the end. A damaged record is skipped with the
  /// rest of its segment, and logged; in the newest segment it is an error (kCorrupt), which stays.
  Result<std::optional<Record>> next();
  /// The offset it looks for.
  [[nodiscard]] Offset position() const { return next_; }

 private:
  Result<std::optional<Record>> next_in_segment();
  Status fill(std::size_t need);
  void enter(SegmentPtr segment);

  const TopicLog& log_;
  Offset next_;
  SegmentPtr segment_;
  std::uint64_t file_position_ = 0;  ///< of the first byte of `buffer_`
  std::string buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace yz::bus
