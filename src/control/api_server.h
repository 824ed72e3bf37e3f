#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "control/call.h"
#include "control/leader.h"
#include "io/blocking_pool.h"
#include "metrics/registry.h"
#include "net/exchange.h"
#include "net/router.h"
#include "store/database.h"
#include "store/session_store.h"

namespace yz::control {

class RateLimit;

/// Turns HTTP requests into Calls and Replies into responses: routing, admission, problems, events.
/// A route's handler runs only for a caller whose role has the route's permission. Belongs to the reactor's thread.
class ApiServer final : public net::HttpHandler {
 public:
  static constexpr std::size_t kMaxBody = 4U << 20;
  static constexpr std::chrono::seconds kHandlerTime{30};
  static constexpr std::chrono::seconds kEventPing{15};

  /// Every route must name a permission (asserted).
  ApiServer(Routes routes, store::Database& database, store::SessionLimits sessions, io::BlockingPool& pool,
            const Clock& clock, metrics::Registry& metrics);

  /// Who leads: what only the leading instance sees of the nodes is answered with 503 and its address elsewhere.
  /// Outlives this.
  void set_leader(const Leader& leader) { leader_ = &leader; }

  /// How many requests one may make. Outlives this.
  void set_limit(RateLimit& limit) { limit_ = &limit; }

  [[nodiscard]] io::Task<void> handle(net::Exchange& exchange) override;

  [[nodiscard]] const Routes& routes() const { return *routes_; }

 private:
  struct Prepared {
    std::shared_ptr<Call> call;
    std::size_t route = 0;
  };
  [[nodiscard]] io::Task<Outcome> answer(net::Exchange& exchange, Call call, std::string& pattern);
  [[nodiscard]] io::Task<Outcome> run(std::size_t route, Call call);
  [[nodiscard]] tl::expected<void, Problem> admit_within_limit(Permission wanted, Call& call);
  [[nodiscard]] io::Task<void> respond(net::Exchange& exchange, const Outcome& outcome, const std::string& request_id);
  [[nodiscard]] io::Task<void> send_parts(net::Exchange& exchange, http::HeaderMap headers, const Reply& reply);
  [[nodiscard]] io::Task<void> stream(net::Exchange& exchange, EventSource& events);
  void count(const std::string& pattern, const std::string& method, int status, MonoTime started);

  std::shared_ptr<const Routes> routes_;  // shared: a handler may outlive a cancelled request on the pool
  net::RouteTable table_;
  store::Database& database_;
  const store::SessionLimits sessions_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  metrics::Registry& metrics_;
  Random random_;
  const Leader* leader_ = nullptr;
  RateLimit* limit_ = nullptr;
};

}  // namespace yz::control
