#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "edge/running_config.h"
#include "edge/tls/ocsp_keeper.h"
#include "edge/upstream/node_check.h"
#include "io/list.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tls_tickets.h"

namespace yz::edge {

class EdgeServer;

/// One reactor of the edge: its listener, its upstream connections and its copy of the running configuration.
/// Everything belongs to the reactor's thread.
class Worker final : public net::HttpHandler {
 public:
  Worker(EdgeServer& server, io::Reactor& reactor, unsigned index, ConfigPtr config);
  /// Starts the task that hands the log's lines over and counts connections; on the first worker origins' health
  /// checks.
  void start_housekeeping();
  ~Worker() override;

  /// One request of the public listener, through the phases of transaction/.
  [[nodiscard]] io::Task<void> handle(net::Exchange& exchange) override;

  /// Viewers over TLS; certificates and ticket keys are those of the configuration in force at each handshake.
  [[nodiscard]] Result<Endpoint> listen_tls(const Endpoint& endpoint, const io::TcpListener::Options& options);
  /// Requests that begin from now on use this configuration.
  void set_config(ConfigPtr config);
  /// A reference that only this worker counts, so that taking it touches no line shared with other workers.
  [[nodiscard]] const std::shared_ptr<const ConfigPtr>& config() const { return config_; }

  [[nodiscard]] EdgeServer& server() { return server_; }
  /// 0, 1, … among the workers.
  [[nodiscard]] unsigned index() const { return index_; }
  /// Connections of viewers now, as of the last second. Any thread.
  [[nodiscard]] std::uint32_t connections() const { return connections_.load(std::memory_order_relaxed); }
  /// Log lines not yet handed to the writer.
  [[nodiscard]] std::string& log_lines() { return log_lines_; }
  [[nodiscard]] io::Reactor& reactor() { return reactor_; }
  /// The time caching goes by: the reactor's, unless the options name another clock.
  [[nodiscard]] WallTime wall_now() { return clock_ != nullptr ? clock_->wall() : reactor_.wall_now(); }
  [[nodiscard]] MonoTime mono_now() { return clock_ != nullptr ? clock_->mono() : reactor_.now(); }
  [[nodiscard]] net::HttpServer& http() { return http_; }
  [[nodiscard]] net::HttpClient& client() { return client_; }
  /// Fills and background revalidations run here: no client can cancel them.
  [[nodiscard]] io::TaskScope& background() { return background_; }
  /// Before a viewer is sent to another node.
  [[nodiscard]] NodeCheck& node_check() { return node_check_; }
  [[nodiscard]] Random& random() { return random_; }
  /// For computing variants without allocating. Not across a suspension.
  [[nodiscard]] std::string& scratch() { return scratch_; }
  /// Heads the list of requests that are being answered.
  [[nodiscard]] io::ListLink& running() { return running_; }

 private:
  [[nodiscard]] io::Task<void> keep_house();
  /// Counts what long answers have sent so far, and cuts those of domains that were suspended.
  void look_at_running();

  EdgeServer& server_;
  io::Reactor& reactor_;
  const Clock* const clock_;
  const unsigned index_;
  std::atomic<std::uint32_t> connections_{0};
  std::string log_lines_;
  std::shared_ptr<const ConfigPtr> config_;
  std::shared_ptr<net::TlsTicketKeys> tickets_;  // with the context, which is made for the first TLS listener
  std::shared_ptr<net::TlsServerContext> tls_;
  net::HttpServer::Counts counted_;  // as of the last housekeeping
  net::HttpClient client_;
  NodeCheck node_check_{client_};
  Random random_;
  std::string scratch_;
  std::unique_ptr<OcspKeeper> ocsp_;  // for all workers, on the first one alone
  io::TaskScope background_;
  io::ListLink running_;
  net::HttpServer http_;  // last: its connections end first
};

}  // namespace yz::edge
