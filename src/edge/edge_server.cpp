#include "edge/edge_server.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <semaphore>

#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "edge/access_spool.h"
#include "edge/admin/admin_server.h"
#include "edge/cache_key.h"
#include "edge/purge_translation.h"
#include "edge/slice_desk.h"
#include "edge/transaction/transaction.h"
#include "edge/usage_ledger.h"
#include "edge/worker.h"
#include "geo/geo_map.h"
#include "model/codec.h"
#include "net/accept_balance.h"

namespace yz::edge {
namespace {

/// What lasts longer is counted while it lasts.
constexpr std::chrono::seconds kLongRequest{1};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Replaces port 0 by the one taken, so that the next worker shares it.
Status bind_all(std::vector<Endpoint>& endpoints, const std::function<Result<Endpoint>(const Endpoint&)>& listen) {
  for (Endpoint& endpoint : endpoints) {
    auto at = listen(endpoint);
    if (!at) return fail(std::move(at).error().with_context("listen " + to_string(endpoint)));
    endpoint = *at;
  }
  return {};
}

Result<OwnCertificates> read_own_certificates(const Options& options) {
  constexpr std::size_t kMaxPem = 1 << 20;
  OwnCertificates out;
  for (std::size_t i = 0; i < options.cert.size(); ++i) {
    YZ_TRY(const std::string chain, read_file(options.cert[i], kMaxPem));
    YZ_TRY(const std::string key, read_file(options.key[i], kMaxPem));
    auto loaded = net::TlsCertificate::load(chain, key);
    if (!loaded) return fail(std::move(loaded).error().with_context(options.cert[i]));
    out.push_back(*std::move(loaded));
  }
  return out;
}

std::uint64_t draw_epoch() { return Random::from_entropy().next() >> 11; }

/// The bytes that account_running() has not counted.
model::UsageCounts uncounted_bytes(const Transaction& tx) {
  model::UsageCounts out;
  out.bytes_out = tx.exchange.bytes_out() - tx.counted.bytes_out;
  out.bytes_in = tx.exchange.bytes_in() - tx.counted.bytes_in;
  out.origin_bytes = tx.origin_bytes - tx.counted.origin_bytes;
  return out;
}

}  // namespace

EdgeServer::EdgeServer(Options options)
    : options_(std::move(options)),
      counters_(registry_),
      resolver_(pool_),
      servers_(registry_),
      geo_(geo::GeoMap::empty()),
      prefetch_secret_(to_hex(secret_bytes(16))),
      lone_secret_(secret_bytes(32)),
      epoch_(draw_epoch()) {}

Result<std::unique_ptr<EdgeServer>> EdgeServer::start(Options options) {
  std::unique_ptr<EdgeServer> server(new EdgeServer(std::move(options)));
  YZ_CHECK(server->open());
  YZ_CHECK(server->start_workers());
  YZ_TRY(server->admin_, AdminServer::start(*server, server->options_.admin));
  return server;
}

Status EdgeServer::open() {
  cache::CacheOptions cache_options;
  cache_options.memory = options_.memory;
  cache_options.max_object = options_.max_object.value > 0 ? options_.max_object : ByteCount{options_.memory.value / 2};
  cache_options.disk.places = options_.disks;
  cache_options.disk.volume.write_rate = options_.disk_write_rate;
  cache_options.disk.open = options_.open_disk;
  cache_options.leader_timeout = options_.leader_timeout;
  if (!options_.state.empty()) {
    YZ_CHECK(make_folder(options_.state));
    cache_options.purge.file = options_.state / "purge.log";
    UsageLedger::Options usage;
    usage.file = options_.state / "usage.counters";
    usage.spool = options_.state / "usage";
    usage.node = options_.node;
    usage.workers = options_.workers;
    YZ_CHECK(make_folder(usage.spool));
    YZ_TRY(usage_, UsageLedger::open(std::move(usage)));
  }
  if (!options_.log_spool.empty() && options_.log_budget.value > 0) YZ_CHECK(open_access_spool());
  if (!options_.access_log.empty()) YZ_CHECK(access_log_.open(options_.access_log));
  if (!options_.geo_map.empty()) {
    YZ_TRY(geo_, geo::GeoMap::open(options_.geo_map));
  }
  // Several slices must fit at a time; what may be kept whole is no more than the cache takes.
  const ByteCount most_kept = std::min(cache_options.max_object, ByteCount{options_.memory.value / 2});
  ByteCount slice = std::min(options_.slice_size, ByteCount{options_.memory.value / 32});
  if (slice > most_kept) slice = {0};
  slices_ = std::make_unique<SliceDesk>(slice, std::min(options_.slice_above, most_kept), most_kept);
  YZ_TRY(cache_, cache::Cache::open(std::move(cache_options)));
  cache_->expose(registry_);
  YZ_TRY(own_certificates_, read_own_certificates(options_));
  config_ = prepare_standalone(options_, servers_, own_certificates_);
  is_ready_ = options_.origin.has_value();
  return {};
}

Status EdgeServer::open_access_spool() {
  AccessSpool::Options options;
  options.folder = options_.log_spool;
  options.budget = options_.log_budget;
  options.lanes = options_.workers;
  // A small budget still holds a few segments of each worker.
  options.segment = std::min(options.segment, ByteCount{options.budget.value / (4 * std::uint64_t{options.lanes})});
  options.segment = std::max(options.segment, kib(16));
  YZ_TRY(access_spool_, AccessSpool::open(std::move(options), registry_));
  return {};
}

Status EdgeServer::start_workers() {
  listening_ = options_.listen;
  listening_tls_ = options_.tls_listen;
  workers_.resize(options_.workers);
  const auto balance = std::make_shared<net::AcceptBalance>(options_.workers);
  for (unsigned i = 0; i < options_.workers; ++i) {
    Running& running = workers_[i];
    running.thread = std::make_unique<io::ReactorThread>("edge-" + std::to_string(i), options_.io);
    Status bound;
    running.thread->run_and_wait([&](io::Reactor& reactor) {
      running.worker = std::make_unique<Worker>(*this, reactor, i, config_);
      running.worker->start_housekeeping();
      const io::TcpListener::Options how{.reuse_port = options_.workers > 1};
      bound = bind_all(listening_, [&](const Endpoint& at) { return running.worker->http().listen(at, how); });
      if (!bound) return;
      bound = bind_all(listening_tls_, [&](const Endpoint& at) { return running.worker->listen_tls(at, how); });
      if (bound) running.worker->http().share_connections(balance, i);
    });
    YZ_CHECK(std::move(bound));
  }
  return {};
}

EdgeServer::~EdgeServer() {
  admin_.reset();
  {
    // A last keep_house() may still be on the pool, or waiting there.
    const std::lock_guard lock(house_mutex_);
    is_over_ = true;
  }
  for (Running& running : workers_) {
    if (running.thread && running.worker) running.thread->run_and_wait([&](io::Reactor&) { running.worker.reset(); });
  }
  for (Running& running : workers_) running.thread.reset();
}

void EdgeServer::drain(std::chrono::milliseconds patience) {
  is_draining_ = true;
  std::counting_semaphore<256> done(0);
  const auto drain_one = [](Worker& worker, MonoTime deadline, std::counting_semaphore<256>& ended) -> io::Task<void> {
    co_await worker.http().drain(deadline);
    ended.release();
  };
  for (Running& running : workers_) {
    running.thread->run_and_wait(
        [&](io::Reactor& reactor) { reactor.spawn(drain_one(*running.worker, reactor.now() + patience, done)); });
  }
  for (std::size_t i = 0; i < workers_.size(); ++i) done.acquire();
}

ConfigPtr EdgeServer::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

void EdgeServer::put_in_force(ConfigPtr config) {
  {
    const std::lock_guard lock(mutex_);
    config_ = config;
  }
  for (Running& running : workers_) {
    running.thread->run_and_wait([&](io::Reactor&) { running.worker->set_config(config); });
  }
  servers_.drop_unused();
}

Status EdgeServer::apply_snapshot(std::string_view encoded) {
  const std::lock_guard lock(apply_mutex_);
  YZ_TRY(auto snapshot, model::decode_snapshot(encoded));
  YZ_TRY(auto prepared, prepare_config(std::make_shared<const model::ConfigSnapshot>(std::move(snapshot)),
                                       options_.node, servers_, own_certificates_, *config()));
  put_in_force(std::move(prepared));
  return {};
}

Status EdgeServer::apply_delta(std::string_view encoded) {
  const std::lock_guard lock(apply_mutex_);
  const ConfigPtr now = config();
  YZ_TRY(const auto delta, model::decode_delta(encoded));
  if (!now->snapshot) return fail(Code::kConflict, "no configuration is in force that a change could start from");
  YZ_TRY(auto next, model::apply(*now->snapshot, delta));
  YZ_TRY(auto prepared, prepare_config(std::make_shared<const model::ConfigSnapshot>(std::move(next)), options_.node,
                                       servers_, own_certificates_, *now));
  put_in_force(std::move(prepared));
  return {};
}

Result<model::PurgeSeq> EdgeServer::apply_purges(std::string_view encoded) {
  YZ_TRY(const auto records, model::decode_purge_records(encoded));
  const ConfigPtr now = config();
  std::vector<cache::PurgeRecord> translated;
  translated.reserve(records.size());
  for (const auto& record : records) translated.push_back(translate(record, now->snapshot.get()));
  YZ_TRY(const cache::Seq applied, cache_->purges().apply(translated));
  return model::PurgeSeq{applied.value};
}

Result<model::PurgeSeq> EdgeServer::resync_purges(model::PurgeSeq seq) {
  YZ_TRY(const cache::Seq applied, cache_->purges().resync(cache::Seq{seq.value}));
  return model::PurgeSeq{applied.value};
}

Result<model::PurgeSeq> EdgeServer::purge_locally(model::PurgeKind kind, std::string_view host, std::string_view key,
                                                  bool is_hard) {
  const cache::PurgeRecord record = purge_of(kind, host, key, {});
  YZ_TRY(const cache::Seq applied, cache_->purges().apply_next(record.kind, record.id, is_hard));
  return model::PurgeSeq{applied.value};
}

EdgeStatus EdgeServer::status() const {
  const std::lock_guard lock(mutex_);
  EdgeStatus out;
  out.epoch = epoch_;
  if (config_->snapshot) out.config = config_->snapshot->seq;
  out.config_hash = config_->hash;
  out.purge = model::PurgeSeq{cache_->purges().applied().value};
  out.ready = is_ready_;
  out.draining = is_draining_;
  out.load = load_;
  return out;
}

model::UsageKey EdgeServer::usage_key(const Transaction& tx, WallTime at, int status) const {
  model::UsageKey key;
  const auto minutes = std::chrono::floor<std::chrono::minutes>(at).time_since_epoch();
  key.minute = static_cast<std::uint32_t>(minutes.count());
  key.domain = tx.site->domain.id;
  key.tier = tx.running().tier;
  key.status_class = static_cast<std::uint8_t>(status / 100);
  key.cache_result = tx.result;
  key.protocol = tx.request().version == http::Version::kHttp2 ? model::Protocol::kHttp2 : model::Protocol::kHttp1;
  key.is_tls = tx.exchange.is_tls();
  if (!tx.peer) {
    const geo::GeoInfo& place = geo_->lookup(tx.client);
    key.country = place.country.value();
    key.province = static_cast<std::uint8_t>(place.province);
    key.isp = static_cast<std::uint8_t>(place.isp);
  }
  return key;
}

void EdgeServer::account_running(Transaction& tx) {
  const net::Exchange& exchange = tx.exchange;
  const bool is_long = tx.mono() - exchange.started_at() >= kLongRequest;
  if (!is_long || !exchange.has_begun() || tx.site == nullptr || tx.is_prefetch) return;
  const model::UsageCounts part = uncounted_bytes(tx);
  if (part == model::UsageCounts{}) return;
  tx.counted += part;
  counters_.count_part(part);
  if (usage_) usage_->add(tx.worker.index(), usage_key(tx, tx.worker.reactor().wall_now(), exchange.status()), part);
}

void EdgeServer::account(Transaction& tx) {
  if (tx.is_prefetch) return;
  const MonoTime ended = SystemClock::instance().mono();
  model::UsageCounts rest = uncounted_bytes(tx);
  rest.requests = 1;
  rest.origin_requests = tx.origin_requests;
  const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(ended - tx.exchange.started_at());
  rest.duration_us = static_cast<std::uint64_t>(std::max<std::int64_t>(taken.count(), 0));
  // 499, as nginx has it: the client left before there was an answer.
  const int status = tx.exchange.status() == 0 ? 499 : tx.exchange.status();
  counters_.count(tx.result, static_cast<unsigned>(status / 100), rest);
  const net::Exchange& exchange = tx.exchange;
  if (exchange.has_begun()) counters_.phases.record(Phase::kRespond, exchange.answered_at(), ended);
  if (exchange.head_began_at() < exchange.started_at()) {
    counters_.phases.record(Phase::kHead, exchange.head_began_at(), exchange.started_at());
  }
  if (access_log_.is_enabled()) access_log_.add(tx, status, rest.duration_us);
  if ((!usage_ && !access_spool_) || tx.site == nullptr) return;
  const WallTime ended_at = tx.worker.reactor().wall_now();
  const model::UsageKey key = usage_key(tx, ended_at, status);
  if (usage_) usage_->add(tx.worker.index(), key, rest);
  if (!access_spool_ || key.tier != model::Tier::kL1) return;
  model::UsageCounts whole = tx.counted;  // what is billed is what is logged
  whole += rest;
  write_down(tx, key, whole, ended_at, status);
}

void EdgeServer::write_down(Transaction& tx, const model::UsageKey& key, const model::UsageCounts& counts,
                            WallTime ended, int status) {
  const http::RequestHead& request = tx.request();
  const net::Exchange& exchange = tx.exchange;
  model::AccessRecord record;
  record.ended = ended;
  record.domain = key.domain;
  record.client = tx.client;
  record.status = static_cast<std::uint16_t>(status);
  record.cache = key.cache_result;
  record.protocol = key.protocol;
  record.is_tls = key.is_tls;
  record.country = key.country;
  record.bytes_out = counts.bytes_out;
  record.bytes_in = counts.bytes_in;
  record.duration_us = counts.duration_us;
  if (exchange.has_begun() && exchange.answered_at() > exchange.started_at()) {
    const auto waited = exchange.answered_at() - exchange.started_at();
    record.first_byte_us =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(waited).count());
  }
  record.method = request.method_text;
  record.host = request.host;
  record.target = request.target;
  record.referer = request.fields.value(http::FieldId::kReferer).value_or("");
  record.agent = request.fields.value(http::FieldId::kUserAgent).value_or("");
  record.province = geo::to_string(static_cast<geo::Province>(key.province));
  record.isp = geo::to_string(static_cast<geo::Isp>(key.isp));
  access_spool_->add(tx.worker.index(), record);
}

void EdgeServer::keep_house() {
  const std::lock_guard house(house_mutex_);
  if (is_over_) return;
  if (usage_) {
    const auto flushed = usage_->flush();
    if (!flushed) log::warn("usage stays in memory: {}", flushed.error().message);
  }
  Sample next{SystemClock::instance().mono(), counters_.requests(), counters_.hits(), counters_.bytes_out(),
              cpu_seconds()};
  const double seconds = std::chrono::duration<double>(next.at - sample_.at).count();
  model::Load load;
  if (sample_.at != MonoTime{} && seconds > 0) {
    const double requests = static_cast<double>(next.requests - sample_.requests);
    load.requests_per_s = requests / seconds;
    load.bits_out_per_s = static_cast<double>(next.bytes_out - sample_.bytes_out) * 8 / seconds;
    load.cpu =
        std::clamp((next.cpu_seconds - sample_.cpu_seconds) / seconds / std::max(options_.workers, 1U), 0.0, 1.0);
    load.hit_ratio = requests > 0 ? static_cast<double>(next.hits - sample_.hits) / requests : 0;
  }
  sample_ = next;
  for (const Running& running : workers_) load.connections += running.worker->connections();
  load.cache_bytes = cache_->stats().memory_used;
  const std::lock_guard lock(mutex_);
  load_ = load;
}

}  // namespace yz::edge
