#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/log_batch.h"
#include "store/transaction.h"

namespace yz::store {

/// The name of a batch and of its file.
struct LogBatchName {
  model::NodeId node;
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  friend bool operator==(const LogBatchName&, const LogBatchName&) = default;
};

/// A batch's file.
struct LogFile {
  LogBatchName name;
  std::uint64_t bytes = 0;
};

/// What is kept of a domain's hour.
struct LogHour {
  std::uint32_t hour = 0;        ///< since the epoch, UTC
  std::uint64_t requests = 0;    ///< lines that can be downloaded
  std::uint64_t text_bytes = 0;  ///< of these, uncompressed
  std::uint64_t bytes = 0;       ///< of these, as they are kept
  std::uint64_t removed = 0;     ///< lines that were here until a quota was used up
  std::uint64_t lost = 0;        ///< requests that no node could write down
  friend bool operator==(const LogHour&, const LogHour&) = default;
};

/// A domain's hour and what it takes on disk.
struct LogSize {
  model::DomainId domain;
  std::uint32_t hour = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const LogSize&, const LogSize&) = default;
};

/// Which access logs are here, what each domain's hours hold, and what is known to be lost. The lines are in files
/// (docs/formats/log-batch.md); a batch's rows are written after its file.
class LogStore final {
 public:
  explicit LogStore(Transaction& tx) : tx_(tx) {}

  /// Whether the batch was stored, also if its file is gone since.
  Result<bool> has(const LogBatchName& batch);
  /// True when the batch was new, false when it was stored before (then nothing changes): acknowledge it either way.
  Result<bool> ingest(const model::LogBatchHead& head, std::uint64_t bytes, WallTime now);
  /// A domain's hours in [from, until) of which anything is known, ascending.
  Result<std::vector<LogHour>> hours(model::DomainId domain, std::uint32_t from_hour, std::uint32_t until_hour);
  /// Whether its file should be there.
  Result<bool> keeps(const LogBatchName& batch);
  /// Batches whose files may hold lines of the hour, in the order in which they came, those of many hours last.
  Result<std::vector<LogBatchName>> batches(std::uint32_t hour);

  /// Whether the lines of a domain's hour were taken away for its tenant's quota: what comes later goes with them.
  Result<bool> is_cut(model::DomainId domain, std::uint32_t hour);

  /// Bytes of each domain's lines, cut hours not among them.
  Result<std::vector<std::pair<model::DomainId, std::uint64_t>>> bytes_by_domain();
  /// A domain's hours that have lines, the oldest first.
  Result<std::vector<LogSize>> sizes(model::DomainId domain);
  /// All lines of a domain's hour count as removed from now on.
  Status cut(model::DomainId domain, std::uint32_t hour);
  /// A batch's file takes `bytes` less.
  Status shrink(const LogBatchName& batch, std::uint64_t bytes);

  /// Bytes of all files.
  Result<std::uint64_t> total_bytes();
  /// Requests known to be lost, of all domains and hours that are kept.
  Result<std::uint64_t> total_lost();
  /// The batch with a file whose hours are the oldest.
  Result<std::optional<LogFile>> oldest();
  /// Its file is about to go: `head` says which lines of which hours that takes away. Its name stays known.
  Status remove(const model::LogBatchHead& head);
  /// Batches that came before `hour`, at most `limit`: their files are to go, then forget().
  Result<std::vector<LogBatchName>> batches_before(std::uint32_t hour, std::size_t limit);
  Status forget(const LogBatchName& batch);
  /// Forgets sums and losses of hours before `hour`, and losses that were reported before it.
  Status drop_hours_before(std::uint32_t hour);

 private:
  Status add(const std::vector<model::LogSlice>& slices);
  Status note(model::NodeId node, const std::vector<model::AccessLoss>& losses, WallTime now);

  Transaction& tx_;
};

}  // namespace yz::store
