#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/config_snapshot.h"
#include "model/purge.h"
#include "model/usage.h"

namespace yz::model {

// Binary forms for disk and for the wire between control and nodes: docs/formats/config-snapshot.md and usage-batch.md.
// Encoding is deterministic: equal values, equal bytes. Decoders take untrusted bytes; they fail with kCorrupt (magic,
// length, checksum, value out of range) or kUnsupported (a newer format version), never crash, and allocate in
// proportion to the input.

[[nodiscard]] std::string encode(const ConfigSnapshot& snapshot);
[[nodiscard]] Result<ConfigSnapshot> decode_snapshot(std::string_view bytes);

[[nodiscard]] std::string encode(const ConfigDelta& delta);
[[nodiscard]] Result<ConfigDelta> decode_delta(std::string_view bytes);

/// Records in the order given; receivers expect contiguous ascending sequence numbers.
[[nodiscard]] std::string encode(const std::vector<PurgeRecord>& records);
[[nodiscard]] Result<std::vector<PurgeRecord>> decode_purge_records(std::string_view bytes);

[[nodiscard]] std::string encode(const UsageBatch& batch);
[[nodiscard]] Result<UsageBatch> decode_usage_batch(std::string_view bytes);

/// One resource with its kind, for the rows of the configuration log.
[[nodiscard]] std::string encode(const Resource& resource);
[[nodiscard]] Result<Resource> decode_resource(std::string_view bytes);

}  // namespace yz::model
