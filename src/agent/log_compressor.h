#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/access_record.h"
#include "model/log_batch.h"

namespace yz::agent {

/// Lines by hour and domain, each group one zstd frame.
struct CompressedLogs {
  std::vector<model::LogSlice> slices;
  std::string frames;
};

/// Formats the records of `node` as lines (docs/formats/access-log.md), in the order in which their requests ended, and
/// compresses each domain's hour. Fails with kInternal when zstd does.
[[nodiscard]] Result<CompressedLogs> compress_logs(std::vector<model::AccessRecord> records, model::NodeId node);

}  // namespace yz::agent
