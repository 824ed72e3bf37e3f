#pragma once

#include <memory>
#include <set>
#include <string>

#include "control/acme/issuer.h"
#include "control/leader.h"
#include "control/publisher.h"
#include "io/blocking_pool.h"
#include "io/scope.h"
#include "metrics/registry.h"

namespace yz::control {

/// Keeps certificates coming: takes up orders that are due, leads each from the wish to the edges, orders renewals in
/// time, asks authorities when they want that, and counts what is about to end. Works on the leader alone; what it does
/// survives a kill (AcmeIssuer). Belongs to the reactor's thread; what blocks runs on threads of its own, so that a
/// slow authority keeps no request of the API waiting.
class CertificateDesk final {
 public:
  struct Options {
    AcmeIssuer::Options issuer;
    std::chrono::milliseconds look_every{1'000};    ///< for orders that are due
    std::chrono::milliseconds renew_every{60'000};  ///< for certificates to renew
    std::chrono::milliseconds patience{30'000};     ///< for edges and schedulers to take up a configuration
    std::chrono::hours order_retention{24 * 90};
    std::size_t at_once = 4;  ///< orders worked on; also threads
  };
  CertificateDesk(io::Reactor& reactor, NodeHub& hub, Publisher& publisher, ConfigState& state,
                  store::Database& database, const Leader& leader, const Clock& clock, metrics::Registry& metrics,
                  Options options);

  void start();
  /// Ends what runs on its threads; afterwards it may only be destroyed. Blocks. Idempotent.
  void stop();
  /// An order was made: it is not left until the next look.
  void wake() { woken_.notify_all(); }
  /// AcmeIssuer::revoke on this desk's threads.
  [[nodiscard]] io::Task<Status> revoke(store::Author author, model::CertificateId id, int reason);

 private:
  enum class Reached : std::uint8_t { kAll, kNobody, kNotAll };

  io::Task<void> take_up();
  io::Task<void> lead(store::AcmeOrderId id);
  io::Task<void> keep_renewing();
  io::Task<Reached> barrier(model::ConfigSeq seq, std::optional<model::ChallengeKind> shows);
  /// On a thread of the pool.
  Status plan_renewals();
  void count_expiring();

  io::Reactor& reactor_;
  NodeHub& hub_;
  Publisher& publisher_;
  ConfigState& state_;
  store::Database& database_;
  const Leader& leader_;
  const Clock& clock_;
  const Options options_;
  AcmeIssuer issuer_;
  std::set<store::AcmeOrderId> in_work_;
  io::Waiters woken_;
  metrics::Gauge valid_;
  metrics::Gauge expiring_;
  metrics::Gauge expired_;
  metrics::Gauge next_expiry_;
  metrics::Counter issued_;
  metrics::Counter failed_;
  std::unique_ptr<io::BlockingPool> pool_;  // null once stopped
  io::TaskScope scope_;
};

}  // namespace yz::control
