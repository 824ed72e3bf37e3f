#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "edge/upstream/breaker.h"
#include "edge/upstream/gate.h"
#include "edge/upstream/retry_budget.h"
#include "http/status.h"
#include "metrics/registry.h"
#include "model/ids.h"
#include "model/origin.h"

namespace yz::net {
class TlsClientContext;
struct Upstream;
}  // namespace yz::net

namespace yz::edge {

/// What all workers together know of one server they ask, a peer or an origin. Any thread.
struct ServerState : std::enable_shared_from_this<ServerState> {
  explicit ServerState(std::string server_name) : name(std::move(server_name)) {}

  const std::string name;  ///< "host:port", for logs and labels
  Breaker breaker;
  const std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  metrics::Counter answers;        ///< below 500
  metrics::Counter server_errors;  ///< 5xx
  metrics::Counter failures;       ///< no answer
};

/// The same of an origin group.
struct OriginGroupState {
  std::vector<std::shared_ptr<ServerState>> servers;  ///< in the order of model::OriginGroup::origins
  /// Where the same origins are reached, for those that are named by an address and speak no TLS; else null.
  std::vector<std::shared_ptr<const net::Upstream>> fixed;
  std::shared_ptr<RetryBudget> retries = std::make_shared<RetryBudget>();
  std::shared_ptr<net::TlsClientContext> tls;  ///< null: none of its origins speaks TLS, or see `tls_problem`
  std::string tls_problem;                     ///< why there is no trust to build on
};

/// The states of all servers, kept from one configuration to the next so that a change of a title does not forget who
/// is down. Held by the server, outlives all configurations. Any thread; a lock, never on a request's way.
class ServerBook {
 public:
  explicit ServerBook(metrics::Registry& registry) : registry_(registry) {}
  ServerBook(const ServerBook&) = delete;
  ServerBook& operator=(const ServerBook&) = delete;

  [[nodiscard]] std::shared_ptr<ServerState> peer(model::NodeId node, std::string name);
  [[nodiscard]] std::shared_ptr<const OriginGroupState> group(const model::OriginGroup& group);
  /// Forgets servers that no configuration holds any more.
  void drop_unused();

 private:
  /// Origins with series of their own; later ones are counted together, as "other".
  static constexpr std::size_t kMostLabelled = 256;

  void expose(const std::shared_ptr<ServerState>& state, std::string_view group);
  void find_trust(const model::OriginGroup& group, OriginGroupState& out);

  metrics::Registry& registry_;
  std::mutex mutex_;
  // all guarded by mutex_
  std::map<std::string, std::shared_ptr<ServerState>> servers_;  // by group (or peer) and name
  std::map<model::OriginGroupId, std::shared_ptr<RetryBudget>> retries_;
  std::map<std::string, std::shared_ptr<net::TlsClientContext>> tls_;  // by authorities and version
  std::size_t labelled_ = 0;
};

/// How origins of a group are judged.
[[nodiscard]] BreakerRules breaker_rules(const model::OriginGroup& group);
/// How peers are.
[[nodiscard]] BreakerRules peer_breaker_rules();

/// One request to a server: holds its place at the gate, and sees to it that the breaker learns what became of it.
/// Lives until the response has been read.
class Permit {
 public:
  Permit(std::shared_ptr<ServerState> state, const BreakerRules& rules, bool is_probe)
      : state_(std::move(state)), rules_(rules), is_probe_(is_probe) {}
  ~Permit();
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

  /// There is an answer. `counts_errors`: server errors speak of this server (a peer's may be its origin's).
  void answered(http::StatusCode status, MonoTime now, bool counts_errors);
  void failed(MonoTime now);

 private:
  const std::shared_ptr<ServerState> state_;
  const BreakerRules rules_;
  const bool is_probe_;
  bool is_told_ = false;
};

}  // namespace yz::edge
