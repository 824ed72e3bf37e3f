#include "edge/worker.h"

#include "edge/edge_server.h"
#include "edge/tls/certificate_store.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/health_checks.h"
#include "net/tls.h"

namespace yz::edge {
namespace {

net::HttpServerOptions http_options(const Options& options, const PhaseTimes& phases) {
  net::HttpServerOptions out;
  out.handshake_time = phases.of(Phase::kHandshake);
  out.http2 = options.http2;
  out.max_per_address = options.connections_per_address;
  out.body_min_rate = options.body_min_rate.value;
  out.send_min_rate = options.send_min_rate.value;
  return out;
}

}  // namespace

Worker::Worker(EdgeServer& server, io::Reactor& reactor, unsigned index, ConfigPtr config)
    : server_(server),
      reactor_(reactor),
      clock_(server.clock()),
      index_(index),
      config_(std::make_shared<const ConfigPtr>(std::move(config))),
      tickets_(std::make_shared<net::TlsTicketKeys>(server.ticket_secret((*config_)->cluster_key))),
      client_(reactor),
      random_(Random::from_entropy()),
      http_(reactor, *this, http_options(server.options(), server.counters().phases)) {
  client_.share(server.idle_board());
}

Worker::~Worker() { server_.access_log().append(std::exchange(log_lines_, {})); }

void Worker::start_housekeeping() {
  reactor_.spawn_into(background_, keep_house());
  if (index_ == 0) reactor_.spawn_into(background_, run_health_checks(*this));
  if (index_ != 0 || server_.options().tls_listen.empty()) return;
  ocsp_ = std::make_unique<OcspKeeper>(client_, server_.resolver(), server_.options().ocsp);
  const auto certificates_now = [this] { return (*config_)->certificates; };
  reactor_.spawn_into(background_, ocsp_->run(certificates_now));
}

io::Task<void> Worker::keep_house() {
  for (;;) {
    co_await io::sleep_for(std::chrono::seconds(1));
    connections_.store(static_cast<std::uint32_t>(http_.counts().connections), std::memory_order_relaxed);
    server_.counters().count_handshakes(counted_, http_.counts());
    server_.counters().count_connections(counted_, http_.counts());
    server_.counters().http2.add(http_.counts().h2, counted_.h2);
    counted_ = http_.counts();
    server_.access_log().append(std::exchange(log_lines_, {}));
    look_at_running();
  }
}

void Worker::look_at_running() {
  const RunningConfig& now = **config_;
  for (io::ListLink* link = running_.next; link != &running_; link = link->next) {
    auto& tx = static_cast<Transaction&>(*link);
    server_.account_running(tx);
    if (!now.has_suspensions || tx.site == nullptr || tx.peer) continue;
    const Site* site = now.sites.find(tx.site->name);
    tx.is_cut = site != nullptr && site->suspended_until;
  }
}

void Worker::set_config(ConfigPtr config) {
  config_ = std::make_shared<const ConfigPtr>(std::move(config));
  tickets_->set_secret(server_.ticket_secret((*config_)->cluster_key));
}

Result<Endpoint> Worker::listen_tls(const Endpoint& endpoint, const io::TcpListener::Options& options) {
  if (!tls_) {
    net::TlsServerOptions tls;
    if (!server_.options().http2) tls.protocols = {"http/1.1"};
    tls.tickets = tickets_;
    tls.kernel_tls = server_.options().kernel_tls;
    // The identity keeps the configuration it lies in alive, by a count that only this worker touches.
    const auto choose = [this](std::string_view name) -> std::shared_ptr<const net::TlsIdentity> {
      const auto held = config_;
      const net::TlsIdentity* identity = (*held)->certificates->find(name);
      if (identity == nullptr) return nullptr;
      return {held, identity};
    };
    YZ_TRY(tls_, net::TlsServerContext::make(choose, std::move(tls)));
  }
  return http_.listen_tls(endpoint, tls_, options);
}

io::Task<void> Worker::handle(net::Exchange& exchange) {
  Transaction tx(*this, exchange);
  if (server_.is_draining()) exchange.close_after();
  if (auto answer = check_access(tx)) co_return co_await std::move(answer);
  if (auto answer = secure_viewer(tx)) co_return co_await std::move(answer);
  if (may_belong_elsewhere(tx) && co_await correct_viewer(tx)) co_return;
  if (asks_for_upgrade(tx)) co_return co_await pass_upgrade(tx);
  co_await serve(tx);
}

}  // namespace yz::edge
