#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/task.h"
#include "model/ids.h"
#include "model/node_state.h"
#include "rpc/node_messages.h"

namespace yz::agent {

/// What a cache says of itself.
struct CacheStatus {
  std::uint64_t epoch = 0;  ///< of the process: another number, another process
  std::int64_t pid = 0;     ///< 0: not told
  model::ConfigSeq config;  ///< in force
  std::string config_hash;  ///< 32 raw bytes, or empty without a configuration
  model::PurgeSeq purge;    ///< applied and durable up to here
  bool ready = false;
  bool draining = false;
  model::Load load;
};

/// How the fetching of a URL ended.
struct Prefetched {
  rpc::PrefetchedUrl result;
  std::vector<std::string> links;  ///< what a manifest leads to
};

/// The local cache as the agent sees it: yz-edge now, others later. One reactor's thread. Calls fail with kUnavailable
/// or kTimeout when the cache cannot be reached (it may have died half-way; ask status() before going on), with the
/// cache's own reason otherwise: kInvalid (refused for good), kConflict (does not follow what is in force).
class CacheDriver {
 public:
  virtual ~CacheDriver() = default;

  [[nodiscard]] virtual io::Task<Result<CacheStatus>> status() = 0;
  /// Puts an encoded snapshot in force; the one before stays when it is refused.
  [[nodiscard]] virtual io::Task<Status> apply_snapshot(rpc::SharedBytes snapshot) = 0;
  [[nodiscard]] virtual io::Task<Status> apply_delta(rpc::SharedBytes delta) = 0;
  /// Applies encoded purge records; those already applied are skipped. Returns the number applied up to.
  [[nodiscard]] virtual io::Task<Result<model::PurgeSeq>> purge(rpc::SharedBytes records) = 0;
  /// Everything cached is revalidated before use; `seq` counts as applied.
  [[nodiscard]] virtual io::Task<Result<model::PurgeSeq>> resync(model::PurgeSeq seq) = 0;
  /// Fetches a URL into the cache and, if asked to, says what a manifest leads to. Takes as long as the origin does.
  [[nodiscard]] virtual io::Task<Result<Prefetched>> prefetch(std::string url, bool reads_manifests) = 0;
  /// Viewers it redirected to other nodes since the last call, `from` left open.
  [[nodiscard]] virtual io::Task<Result<std::vector<rpc::Correction>>> take_corrections() = 0;
  [[nodiscard]] virtual io::Task<Status> set_ready(bool ready) = 0;
  [[nodiscard]] virtual io::Task<Status> set_draining(bool draining) = 0;
};

}  // namespace yz::agent
