#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/log_batch.h"

namespace yz::agent {

/// Turns what the edge writes down of its requests (docs/formats/access-spool.md) into batches for control: lines by
/// hour and domain, compressed, in a folder of their own until control has them (docs/formats/log-batch.md). Which
/// records a batch holds is written in the batch itself, so that each is in exactly one, whenever the process dies.
/// Blocks on the disk; one thread at a time.
class LogCollector {
 public:
  struct Options {
    std::filesystem::path spool;   ///< the edge's
    std::filesystem::path outbox;  ///< "<epoch>-<number>.logs", and `last`: how far the spool is taken
    model::NodeId node;
    ByteCount max_outbox = gib(1);   ///< beyond it nothing is taken: then the edge's budget bounds and counts
    ByteCount max_records = mib(8);  ///< of the spool in one batch, a segment more or less
  };
  /// Fails with kIo, kPermission.
  [[nodiscard]] static Result<LogCollector> open(Options options);

  /// Puts what is new into at most one batch. True when there is more to take.
  [[nodiscard]] Result<bool> collect();

  struct Waiting {
    model::SpoolName name;
    std::filesystem::path file;
  };
  /// The batch that is to be sent next.
  [[nodiscard]] std::optional<Waiting> oldest() const;

 private:
  struct Taken;
  using Positions = std::map<model::SegmentName, model::SegmentPosition>;

  explicit LogCollector(Options options) : options_(std::move(options)) {}
  [[nodiscard]] Status restore();
  [[nodiscard]] Result<Taken> take_records(Positions& positions);
  [[nodiscard]] Status take_segment(const std::filesystem::path& file, model::SegmentPosition& position, Taken& taken);
  [[nodiscard]] std::vector<model::AccessLoss> losses() const;
  void remove_finished(const std::vector<std::filesystem::path>& finished) const;
  [[nodiscard]] std::uint64_t outbox_bytes() const;

  Options options_;
  model::LogBatchHead last_;  ///< of the newest batch: its number, positions and losses
};

}  // namespace yz::agent
