#include "control/program.h"

#include <csignal>
#include <utility>

#include "base/descriptor_limit.h"
#include "base/file.h"
#include "base/log.h"
#include "bus/embedded_bus.h"
#include "bus/nats_bus.h"
#include "control/api_server.h"
#include "control/live.h"
#include "control/oidc/oidc_desk.h"
#include "control/portals.h"
#include "control/rate_limit.h"
#include "control/routes/routes.h"
#include "control/state_folder.h"
#include "io/signal_waiter.h"
#include "net/http_server.h"
#include "store/seal_stored.h"

namespace yz::control {
namespace {

constexpr std::chrono::seconds kDrainTime{5};

Live::Options live_options(const ControlSettings& settings, const StateFolder& folder) {
  Live::Options out;
  out.instance = folder.instance();
  out.node_listen = settings.node_listen;
  out.ca = folder.ca();
  out.check_private_origins = settings.check_private_origins;
  out.publisher.patience = settings.barrier_patience;
  out.certificates = settings.certificates;
  out.caps = settings.caps;
  const AccessLogSettings& logs = settings.access_logs;
  out.logs.folder = logs.folder.empty() ? folder.path() / "access-logs" : logs.folder;
  out.logs.house.quota = logs.quota;
  out.logs.house.tenant_quota = logs.tenant_quota;
  out.logs.house.retention = std::chrono::duration_cast<std::chrono::hours>(logs.retention);
  out.purge_retention = std::chrono::duration_cast<std::chrono::hours>(settings.purge_retention);
  out.sessions = settings.sessions;
  return out;
}

Result<std::shared_ptr<const geo::GeoMap>> open_map(const std::filesystem::path& file) {
  if (file.empty()) return geo::GeoMap::empty();
  return geo::GeoMap::open(file);
}

Result<std::unique_ptr<bus::Bus>> open_bus(const ControlSettings& settings) {
  if (settings.bus.empty()) return bus::EmbeddedBus::open(settings.state / "bus");
  return bus::NatsBus::open(settings.bus, settings.bus_tls);
}

Result<std::unique_ptr<RateLimit>> open_limit(const ControlSettings& settings) {
  std::unique_ptr<store::Redis> shared;
  if (!settings.redis.empty()) {
    YZ_TRY(shared, store::Redis::open(settings.redis));
  }
  return std::make_unique<RateLimit>(settings.rate_limit, std::move(shared));
}

/// Null when there is no identity provider.
Result<std::unique_ptr<OidcDesk>> open_oidc(const ControlSettings& settings, const StateFolder& folder,
                                            store::Database& database, const Clock& clock) {
  const OidcSettings& oidc = settings.oidc;
  if (!oidc.is_set()) return nullptr;
  YZ_TRY(std::string secret, read_client_secret(oidc));
  std::string roots;
  if (!oidc.ca_file.empty()) {
    YZ_TRY(roots, read_file(oidc.ca_file, 1 << 20));
  }
  return std::make_unique<OidcDesk>(oidc, std::move(secret), std::move(roots), database,
                                    store::Sealer(folder.seal_key()), settings.sessions, clock);
}

}  // namespace

/// In the order of use; torn down by close().
struct ControlProgram::Parts {
  Parts(StateFolder state_folder, const Clock& used) : folder(std::move(state_folder)), clock(used) {}
  ~Parts() { close(); }

  /// The pool ends before what its jobs work on; everything ends before the reactor.
  void close() {
    server.reset();
    if (live) live->stop();
    if (oidc) oidc->stop();
    pool.reset();
    portals.reset();
    api.reset();
    oidc.reset();
    limit.reset();
    live.reset();
    bus.reset();
    database.reset();
  }

  StateFolder folder;
  const Clock& clock;
  io::Reactor reactor;
  metrics::Registry metrics;
  ConfigState state;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<bus::Bus> bus;
  std::unique_ptr<io::BlockingPool> pool;
  std::unique_ptr<Live> live;
  std::unique_ptr<RateLimit> limit;
  std::unique_ptr<OidcDesk> oidc;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<Portals> portals;
  std::unique_ptr<net::HttpServer> server;
  Endpoint api_endpoint;
  FirstSecrets first;
};

ControlProgram::ControlProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ControlProgram::~ControlProgram() = default;

Result<std::unique_ptr<ControlProgram>> ControlProgram::open(const ControlSettings& settings, const Clock& clock) {
  (void)raise_descriptor_limit();  // each node takes one
  YZ_TRY(StateFolder folder, StateFolder::open(settings.state, clock.wall()));
  auto parts = std::make_unique<Parts>(std::move(folder), clock);
  store::DatabaseOptions options;
  options.sealer = store::Sealer(parts->folder.seal_key());
  YZ_TRY(parts->database, store::Database::open(settings.database_url(), std::move(options)));
  YZ_TRY(const std::uint64_t sealed, store::seal_stored(*parts->database, clock.wall()));
  if (sealed > 0) log::info("{} stored texts were sealed", sealed);
  YZ_CHECK(parts->folder.settle_ca(*parts->database, clock.wall()));
  YZ_TRY(parts->first, bootstrap(*parts->database, parts->folder, settings, clock.wall()));
  YZ_TRY(parts->bus, open_bus(settings));
  YZ_TRY(auto map, open_map(settings.ip_data));
  parts->pool = std::make_unique<io::BlockingPool>(io::BlockingPool::Options{settings.threads, 4096});
  parts->live = std::make_unique<Live>(parts->reactor, *parts->pool, *parts->database, *parts->bus, parts->state, clock,
                                       parts->metrics, std::move(map), live_options(settings, parts->folder));
  YZ_TRY(parts->oidc, open_oidc(settings, parts->folder, *parts->database, clock));
  const RouteContext context{*parts->database, parts->state, settings.sessions, parts->oidc.get()};
  parts->api = std::make_unique<ApiServer>(
      all_routes(*parts->live, context, *parts->pool, parts->metrics, parts->folder.ca().certificate_pem),
      *parts->database, settings.sessions, *parts->pool, clock, parts->metrics);
  parts->api->set_leader(parts->live->leader());
  YZ_TRY(parts->limit, open_limit(settings));
  parts->api->set_limit(*parts->limit);
  YZ_TRY(parts->portals, Portals::open(settings.web, *parts->api));
  parts->server = std::make_unique<net::HttpServer>(parts->reactor, *parts->portals);
  auto bound = parts->server->listen(settings.listen);
  if (!bound) return fail(std::move(bound).error().with_context("listening on " + to_string(settings.listen)));
  parts->api_endpoint = *bound;
  YZ_CHECK(parts->live->start(settings.advertise.empty() ? "http://" + to_string(*bound) : settings.advertise));
  return std::unique_ptr<ControlProgram>(new ControlProgram(std::move(parts)));
}

void ControlProgram::run() {
  parts_->reactor.run();
  io::Reactor& reactor = parts_->reactor;
  reactor.block_on(parts_->server->drain(reactor.in(kDrainTime)));
  parts_->close();
}

void ControlProgram::stop() { parts_->reactor.stop(); }

void ControlProgram::stop_at_signals() {
  const auto wait = [](io::Reactor& reactor) -> io::Task<void> {
    io::SignalWaiter signals(reactor, {SIGTERM, SIGINT});
    (void)co_await signals.next(io::kNoDeadline);
    log::info("stopping");
    reactor.stop();
  };
  parts_->reactor.spawn(wait(parts_->reactor));
}

Endpoint ControlProgram::api() const { return parts_->api_endpoint; }
bool ControlProgram::has_portals() const { return parts_->portals->has_files(); }
const Routes& ControlProgram::routes() const { return parts_->api->routes(); }
std::uint16_t ControlProgram::node_port() const { return parts_->live->node_port(); }
const FirstSecrets& ControlProgram::first_secrets() const { return parts_->first; }

}  // namespace yz::control
