#include "gslb/control_link.h"

#include <algorithm>

#include "base/log.h"
#include "model/codec.h"

namespace yz::gslb {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{200};
constexpr milliseconds kMaxRetry{30'000};
constexpr milliseconds kRenewalCheck{60'000};

}  // namespace

template <typename Deed>
void ControlLink::post(Deed deed) {
  remote_->post([alive = is_alive_, deed = std::move(deed)]() mutable {
    if (*alive) deed();
  });
}

ControlLink::ControlLink(io::Reactor& reactor, Options options, const StateStore& store, ControlEvents& events)
    : remote_(reactor.remote()), options_(std::move(options)), store_(store), events_(events) {
  hello_.role = rpc::Role::kScheduler;
  hello_.name = options_.name;
  identity_thread_ = std::thread([this] { keep_identity(); });
}

ControlLink::~ControlLink() {
  *is_alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stop_signal_.notify_all();
  identity_thread_.join();
  if (client_ != nullptr) client_->stop();
}

/// Sleeps. True when the link is to end.
bool ControlLink::wait_for(milliseconds time) {
  std::unique_lock lock(mutex_);
  return stop_signal_.wait_for(lock, time, [this] { return is_stopping_; });
}

std::optional<rpc::NodeIdentity> ControlLink::enrol_once() {
  auto stored = store_.load_identity();
  if (!stored) log::error("gslb: the stored identity is unusable: {}", stored.error().message);
  if (stored && *stored) return **stored;
  for (const auto& control : options_.controls) {
    auto identity =
        rpc::enrol({control, options_.join_token, rpc::Role::kScheduler, options_.name, milliseconds(10'000)});
    if (!identity) {
      log::warn("gslb: joining at {} failed: {}", control, identity.error().message);
      continue;
    }
    if (auto saved = store_.save(*identity); !saved) {
      log::error("gslb: the identity could not be kept: {}", saved.error().message);
    }
    log::info("gslb: joined as node {}", identity->node.value);
    return *std::move(identity);
  }
  return std::nullopt;
}

/// The identity thread: enrols (which blocks), starts the session, then renews the certificate before it ends.
void ControlLink::keep_identity() {
  milliseconds retry = kFirstRetry;
  for (;;) {
    if (auto identity = enrol_once()) {
      identity_ = *std::move(identity);
      break;
    }
    if (wait_for(retry)) return;
    retry = std::min(retry * 2, kMaxRetry);
  }
  rpc::NodeClientOptions client_options;
  client_options.controls = options_.controls;
  client_options.identity = identity_;
  {
    // Held while it starts: its first message may want to be acknowledged before start() returns.
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    hello_.node = identity_.node;
    client_ = rpc::NodeClient::start(std::move(client_options), *this);
  }
  while (!wait_for(kRenewalCheck)) renew_when_due();
}

void ControlLink::renew_when_due() {
  const auto identity = rpc::identity_of(identity_.pair.certificate_pem);
  if (!identity) return;
  const auto now = SystemClock::instance().wall();
  const auto lifetime = identity->not_after - identity->not_before;
  if (identity->not_after - now > lifetime / 3) return;
  for (const auto& control : options_.controls) {
    auto renewed = rpc::renew(control, identity_);
    if (!renewed) {
      log::warn("gslb: renewing the certificate at {} failed: {}", control, renewed.error().message);
      continue;
    }
    identity_ = *std::move(renewed);
    if (auto saved = store_.save(identity_); !saved) log::error("gslb: {}", saved.error().message);
    const std::lock_guard lock(mutex_);
    client_->set_identity(identity_);
    return;
  }
}

void ControlLink::set_applied(model::ConfigSeq seq, std::string hash) {
  const std::lock_guard lock(mutex_);
  hello_.applied_config = seq;
  hello_.config_hash = std::move(hash);
}

bool ControlLink::is_connected() const {
  const std::lock_guard lock(mutex_);
  return client_ != nullptr && client_->is_connected();
}

void ControlLink::report(rpc::HealthReport report) {
  const std::lock_guard lock(mutex_);
  if (client_ != nullptr) (void)client_->send(std::move(report));
}

rpc::Hello ControlLink::make_hello() {
  const std::lock_guard lock(mutex_);
  return hello_;
}

void ControlLink::on_connected(const rpc::Welcome&) {
  log::info("gslb: connected to control");
  post([this] { events_.on_connected(true); });
}

void ControlLink::on_disconnected(const Error& reason) {
  log::warn("gslb: control is away: {}; serving the last good state", reason.message);
  post([this] { events_.on_connected(false); });
}

void ControlLink::on_refused(const Error& reason, milliseconds retry_in) {
  log::debug("gslb: control refused: {}; again in {} ms", reason.message, retry_in.count());
}

void ControlLink::acknowledge(model::ConfigSeq seq, const Status& status) {
  if (!status) log::error("gslb: configuration {} refused: {}", seq.value, status.error().message);
  const std::lock_guard lock(mutex_);
  if (client_ == nullptr) return;
  (void)client_->send(rpc::ConfigAck{seq, status.has_value(), status ? std::string() : status.error().message});
}

void ControlLink::deliver(rpc::ConfigSnapshotUpdate update) {
  auto config = model::decode_snapshot(*update.snapshot);
  if (!config) return acknowledge(update.seq, fail(std::move(config).error()));
  post([this, seq = update.seq, held = std::make_shared<const model::ConfigSnapshot>(*std::move(config))] {
    acknowledge(seq, events_.on_config(held));
  });
}

void ControlLink::deliver(rpc::ConfigDeltaUpdate update) {
  auto delta = model::decode_delta(*update.delta);
  if (!delta) return acknowledge(update.to, fail(std::move(delta).error()));
  post([this, held = *std::move(delta)] { acknowledge(held.to, events_.on_delta(held)); });
}

void ControlLink::on_message(rpc::ControlMessage message) {
  if (auto* snapshot = std::get_if<rpc::ConfigSnapshotUpdate>(&message)) return deliver(std::move(*snapshot));
  if (auto* delta = std::get_if<rpc::ConfigDeltaUpdate>(&message)) return deliver(std::move(*delta));
  if (auto* states = std::get_if<rpc::NodeStates>(&message)) {
    post([this, held = std::move(*states)]() mutable { events_.on_node_states(std::move(held)); });
  }
  // Purges, prefetches and usage concern caches.
}

}  // namespace yz::gslb
