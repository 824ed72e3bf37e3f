#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "control/config_state.h"
#include "control/logs/log_folder.h"
#include "metrics/registry.h"

namespace yz::control {

/// What goes of the access logs: hours past their time, a tenant's oldest hours while it has more than its share, the
/// oldest batches while all together are too many. What was counted stays counted, as `removed`. The leader's work;
/// one thread at a time, which waits for database and disk.
class LogHouse final {
 public:
  struct Options {
    ByteCount quota = gib(100);             ///< of all batches
    ByteCount tenant_quota = gib(20);       ///< of a tenant's lines, compressed
    std::chrono::hours retention{24 * 31};  ///< of an hour's lines
  };
  LogHouse(store::Database& database, const ConfigState& state, const LogFolder& folder, const Clock& clock,
           metrics::Registry& metrics, Options options);

  /// One round: removes what is past the retention, then beyond the tenants' quotas, then beyond that of all.
  [[nodiscard]] Status tidy();

 private:
  [[nodiscard]] Status remove_expired();
  [[nodiscard]] Status enforce_tenant_quotas();
  [[nodiscard]] Status cut_oldest(const std::vector<model::DomainId>& domains, std::uint64_t excess);
  [[nodiscard]] Status cut(const store::LogSize& hour);
  [[nodiscard]] Status enforce_quota();
  [[nodiscard]] Status evict(const store::LogBatchName& name);

  store::Database& database_;
  const ConfigState& state_;
  const LogFolder& folder_;
  const Clock& clock_;
  const Options options_;
  metrics::Counter evicted_;
  metrics::Gauge bytes_;
  metrics::Gauge lost_;
};

}  // namespace yz::control
