#include "crowd.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "model/codec.h"

namespace yz::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kKeptConfigurations = 64;
constexpr std::uint64_t kRequestsABatch = 20;

double percentile(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

std::chrono::milliseconds part_of(std::chrono::milliseconds period, Random& random) {
  return std::chrono::milliseconds(random.below(static_cast<std::uint64_t>(period.count())));
}

}  // namespace

double monotonic_seconds() { return std::chrono::duration<double>(steady_clock::now().time_since_epoch()).count(); }

void say(std::string_view line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

// ---- what is told of them all

void Milestones::passed(std::uint64_t before, std::uint64_t after) {
  const double now = monotonic_seconds();
  std::vector<std::pair<std::uint64_t, std::vector<double>>> complete;
  {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t number = before + 1; number <= after; ++number) {
      std::vector<double>& times = times_[number];
      times.push_back(now);
      if (times.size() < agents_) continue;
      complete.emplace_back(number, std::move(times));
      times_.erase(number);
    }
  }
  for (auto& [number, times] : complete) {
    std::ranges::sort(times);
    say(fmt::format(R"({{"event":"{}","number":{},"agents":{},"p50":{:.6f},"p99":{:.6f},"last":{:.6f}}})", name_,
                    number, agents_, percentile(times, 0.5), percentile(times, 0.99), times.back()));
  }
}

void Attendance::came() {
  const std::lock_guard lock(mutex_);
  if (++present_ == agents_) {
    say(fmt::format(R"({{"event":"connected","agents":{},"at":{:.6f}}})", present_, monotonic_seconds()));
  }
}

void Attendance::went() {
  const std::lock_guard lock(mutex_);
  if (present_-- == agents_) {
    say(fmt::format(R"({{"event":"away","agents":{},"at":{:.6f}}})", present_, monotonic_seconds()));
  }
}

Result<Configurations::Held> Configurations::of_snapshot(const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  if (const auto it = made_.find(bytes); it != made_.end()) return it->second;
  return keep(bytes, model::decode_snapshot(bytes));
}

Result<Configurations::Held> Configurations::of_delta(const Held& base, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  std::string key = base.hash + bytes;
  if (const auto it = made_.find(key); it != made_.end()) return it->second;
  YZ_TRY(const model::ConfigDelta delta, model::decode_delta(bytes));
  return keep(std::move(key), model::apply(base.config ? *base.config : model::ConfigSnapshot(), delta));
}

Result<Configurations::Held> Configurations::keep(std::string key, Result<model::ConfigSnapshot> made) {
  if (!made) return fail(std::move(made).error());
  Held held{std::make_shared<const model::ConfigSnapshot>(*std::move(made)), {}};
  held.hash = held.config->content_hash();
  if (made_.size() >= kKeptConfigurations) {
    made_.erase(std::ranges::min_element(made_, {}, [](const auto& entry) { return entry.second.config->seq; }));
  }
  made_.emplace(std::move(key), held);
  return held;
}

// ---- one of them

SimulatedAgent::SimulatedAgent(Crowd& crowd, rpc::NodeIdentity identity, PathDelay delay, std::uint64_t seed)
    : crowd_(crowd),
      identity_(std::move(identity)),
      delay_(delay),
      random_(seed),
      next_beat_(steady_clock::now() + part_of(crowd.heartbeat, random_)),
      next_count_(steady_clock::now() + part_of(std::max(crowd.usage, crowd.heartbeat), random_)),
      is_counting_(crowd.usage.count() > 0),
      epoch_(random_.next() >> 1 | 1),
      counted_until_(SystemClock::instance().wall()) {}

void SimulatedAgent::connect() {
  rpc::NodeClientOptions options;
  options.controls = {crowd_.controls[identity_.node.value % crowd_.controls.size()]};
  options.identity = identity_;
  options.thread = &crowd_.channels;
  const std::lock_guard lock(mutex_);  // its first call back waits for `client_`
  client_ = start_delayed(std::move(options), *this, crowd_.post, delay_);
}

void SimulatedAgent::pulse(steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (now >= next_beat_) {
    next_beat_ += crowd_.heartbeat;
    beat();
  }
  if (is_counting_ && now >= next_count_) {
    next_count_ += crowd_.usage;
    count();
  }
}

void SimulatedAgent::beat() {
  model::Heartbeat beat;
  beat.ready = held_.config != nullptr;
  beat.applied_config = held_.config ? held_.config->seq : model::ConfigSeq{};
  beat.applied_purge = applied_;
  beat.load.requests_per_s = static_cast<double>(kRequestsABatch);
  beat.load.cpu = random_.unit();
  client_->send(beat);
}

/// A batch as a ledger's: what was counted since the one before, kept until control has stored it.
void SimulatedAgent::count() {
  model::UsageBatch batch;
  batch.epoch = epoch_;
  batch.number = ++counted_.batches;
  batch.covers_from = counted_until_;
  batch.covers_until = counted_until_ = SystemClock::instance().wall();
  const auto minute = std::chrono::floor<std::chrono::minutes>(counted_until_).time_since_epoch().count();
  for (const model::CacheResult result : {model::CacheResult::kHit, model::CacheResult::kMiss}) {
    model::UsageRecord record;
    record.key.minute = static_cast<std::uint32_t>(minute);
    record.key.domain = crowd_.domains[random_.below(crowd_.domains.size())];
    record.key.cache_result = result;
    record.key.protocol = model::Protocol::kHttp2;
    record.key.is_tls = true;
    record.key.country = 'C' << 8 | 'N';
    record.key.province = static_cast<std::uint8_t>(1 + random_.below(30));
    record.key.isp = static_cast<std::uint8_t>(1 + random_.below(3));
    record.counts.requests = kRequestsABatch / 2;
    record.counts.bytes_out = record.counts.requests * 10'000;
    batch.records.push_back(record);
  }
  counted_.requests += kRequestsABatch;
  auto bytes = std::make_shared<const std::string>(model::encode(batch));
  unstored_[batch.number] = {bytes, kRequestsABatch};
  client_->send(rpc::UsageShipment{epoch_, batch.number, std::move(bytes)});
}

SimulatedAgent::Counted SimulatedAgent::counted() const {
  const std::lock_guard lock(mutex_);
  return counted_;
}

bool SimulatedAgent::has_all_stored() const {
  const std::lock_guard lock(mutex_);
  return unstored_.empty();
}

void SimulatedAgent::stop_counting() {
  const std::lock_guard lock(mutex_);
  is_counting_ = false;
}

rpc::Hello SimulatedAgent::make_hello() {
  const std::lock_guard lock(mutex_);
  rpc::Hello hello;
  hello.node = identity_.node;
  hello.name = "simulated";
  hello.version = "agent_crowd";
  hello.applied_purge = applied_;
  if (held_.config && !std::exchange(needs_snapshot_, false)) {
    hello.applied_config = held_.config->seq;
    hello.config_hash = held_.hash;
  }
  return hello;
}

void SimulatedAgent::on_connected(const rpc::Welcome& /*welcome*/) {
  crowd_.attendance->came();
  const std::lock_guard lock(mutex_);
  beat();
  for (const auto& [number, batch] : unstored_) client_->send(rpc::UsageShipment{epoch_, number, batch.bytes});
}

void SimulatedAgent::on_disconnected(const Error& /*reason*/) { crowd_.attendance->went(); }

void SimulatedAgent::on_refused(const Error& reason, std::chrono::milliseconds /*retry_in*/) {
  log::debug("node {} refused: {}", identity_.node.value, reason.message);
}

void SimulatedAgent::on_message(rpc::ControlMessage message) {
  const std::lock_guard lock(mutex_);
  if (const auto* snapshot = std::get_if<rpc::ConfigSnapshotUpdate>(&message)) {
    take_config(crowd_.configurations.of_snapshot(*snapshot->snapshot), snapshot->seq);
  } else if (const auto* delta = std::get_if<rpc::ConfigDeltaUpdate>(&message)) {
    take_config(crowd_.configurations.of_delta(held_, *delta->delta), delta->to);
  } else if (const auto* records = std::get_if<rpc::PurgeRecords>(&message)) {
    take_purges(*records);
  } else if (const auto* resync = std::get_if<rpc::PurgeResync>(&message)) {
    applied_ = resync->seq;
    client_->send(rpc::PurgeAck{applied_});
  } else if (const auto* ack = std::get_if<rpc::UsageAck>(&message)) {
    const auto it = unstored_.find(ack->number);
    if (it == unstored_.end() || ack->epoch != epoch_) return;
    ++counted_.stored_batches;
    counted_.stored_requests += it->second.requests;
    unstored_.erase(it);
  }
}

void SimulatedAgent::take_config(Result<Configurations::Held> next, model::ConfigSeq seq) {
  if (!next) {
    needs_snapshot_ = true;
    resynchronise(fmt::format("configuration {}: {}", seq.value, next.error().message));
    return;
  }
  const std::uint64_t before = held_.config ? held_.config->seq.value : 0;
  held_ = *std::move(next);
  client_->send(rpc::ConfigAck{seq, true, {}});
  crowd_.configs->passed(before, held_.config->seq.value);
}

void SimulatedAgent::take_purges(const rpc::PurgeRecords& records) {
  const std::uint64_t before = applied_.value;
  if (records.first.value > before + 1) {
    resynchronise(fmt::format("purge {} came, {} was the last", records.first.value, before));
    return;
  }
  applied_ = std::max(applied_, records.last);
  client_->send(rpc::PurgeAck{applied_});
  if (applied_.value > before) crowd_.purges->passed(before, applied_.value);
}

void SimulatedAgent::resynchronise(const std::string& why) {
  log::warn("node {} connects again: {}", identity_.node.value, why);
  client_->reconnect();
}

}  // namespace yz::bench
