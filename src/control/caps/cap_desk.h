#pragma once

#include <map>
#include <memory>
#include <optional>

#include "billing/calendar.h"
#include "control/caps/cap_meter.h"
#include "control/config_state.h"
#include "control/leader.h"
#include "io/blocking_pool.h"
#include "io/scope.h"
#include "metrics/registry.h"
#include "store/cap_store.h"
#include "store/database.h"

namespace yz::control {

/// Makes caps act: compares what the meter sees with every cap, twice a second, and puts suspensions into the
/// configuration, and takes them out again. A month's traffic and spend are asked of the database, and once more in the
/// transaction that suspends, so that nobody is suspended for what was counted twice. Works on the leader alone.
/// Belongs to the reactor's thread; the database is asked on a thread of its own.
class CapDesk final {
 public:
  struct Options {
    std::chrono::milliseconds look_every{500};
    std::chrono::milliseconds note_every{5'000};  ///< what caps have used goes into the database this often
    /// How long too much bandwidth suspends; doubles, up to the longest, while it comes back within an hour of the end.
    std::chrono::seconds first_rest{60};
    std::chrono::seconds longest_rest{960};
    std::chrono::milliseconds reread_every{600'000};  ///< a month's sums are asked for again
  };
  CapDesk(io::Reactor& reactor, store::Database& database, ConfigState& state, const CapMeter& meter,
          const Leader& leader, const Clock& clock, metrics::Registry& metrics, Options options);

  void start();
  /// Afterwards it may only be destroyed. Blocks. Idempotent.
  void stop() { pool_.reset(); }

 private:
  /// What is known of a cap over a month, as of `read_at`.
  struct Watch {
    billing::Period period;
    std::uint64_t used = 0;   ///< bytes, or millionths
    std::uint64_t bytes = 0;  ///< that were sent in the month
    std::uint64_t mark = 0;   ///< the meter's bytes then
    MonoTime read_at{};
  };

  io::Task<void> run();
  // On the pool's thread:
  Status look();
  Status look_at(store::Cap& cap);
  Status look_at_bandwidth(store::Cap& cap);
  Status look_at_month(store::Cap& cap);
  Status drop_orphans(const std::vector<store::Cap>& caps);
  Status note(const std::vector<store::Cap>& caps);
  [[nodiscard]] Result<Watch> read_month(store::Transaction& tx, const store::Cap& cap) const;
  [[nodiscard]] bool is_due(const store::Cap& cap, const Watch& watch) const;
  Result<model::SuspensionId> add_suspension(store::Transaction& tx, const store::Cap& cap, WallTime until) const;
  Status suspend(store::Cap& cap, WallTime until);
  Status release(store::Cap& cap);
  [[nodiscard]] CapMeter::Reading read(const store::Cap& cap) const;

  io::Reactor& reactor_;
  store::Database& database_;
  ConfigState& state_;
  const CapMeter& meter_;
  const Leader& leader_;
  const Clock& clock_;
  const Options options_;
  std::map<store::CapId, Watch> watches_;        // of the pool's thread
  std::map<store::CapId, std::uint64_t> noted_;  // `used` as the database has it; of the pool's thread
  MonoTime noted_at_{};                          // of the pool's thread
  metrics::Gauge caps_;
  metrics::Gauge suspended_;
  std::unique_ptr<io::BlockingPool> pool_;  // one thread; null once stopped
  io::TaskScope scope_;
};

}  // namespace yz::control
