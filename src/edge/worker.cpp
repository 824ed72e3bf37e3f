#include "edge/worker.h"

#include "edge/edge_server.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/health_checks.h"

namespace yz::edge {

Worker::Worker(EdgeServer& server, io::Reactor& reactor, unsigned index, ConfigPtr config)
    : server_(server),
      reactor_(reactor),
      index_(index),
      config_(std::make_shared<const ConfigPtr>(std::move(config))),
      client_(reactor),
      random_(Random::from_entropy()),
      http_(reactor, *this) {}

Worker::~Worker() { server_.access_log().append(std::exchange(log_lines_, {})); }

void Worker::start_housekeeping() {
  reactor_.spawn_into(background_, keep_house());
  if (index_ == 0) reactor_.spawn_into(background_, run_health_checks(*this));
}

io::Task<void> Worker::keep_house() {
  for (;;) {
    co_await io::sleep_for(std::chrono::seconds(1));
    connections_.store(static_cast<std::uint32_t>(http_.counts().connections), std::memory_order_relaxed);
    server_.access_log().append(std::exchange(log_lines_, {}));
  }
}

void Worker::set_config(ConfigPtr config) { config_ = std::make_shared<const ConfigPtr>(std::move(config)); }

io::Task<void> Worker::handle(net::Exchange& exchange) {
  Transaction tx(*this, exchange);
  if (server_.is_draining()) exchange.close_after();
  if (co_await check_access(tx)) co_return;
  if (co_await correct_viewer(tx)) co_return;
  co_await serve(tx);
}

}  // namespace yz::edge
