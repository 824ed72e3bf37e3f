#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agent/test_support.h"
#include "rpc/node_server.h"

namespace yz::agent {

/// Control as far as an agent sees it, on a real NodeServer: one node, a configuration, a purge log with retention, a
/// store of usage batches. Survives stop() and start() as a database would.
class FakeControl final : public rpc::NodeServerEvents {
 public:
  FakeControl() : ca_(rpc::make_ca("test", SystemClock::instance().wall()).value()) {
    token_ = rpc::make_join_token(ca_.certificate_pem).value();
  }
  ~FakeControl() override { stop(); }

  void start() {
    rpc::NodeServerOptions options;
    options.listen = "127.0.0.1:" + std::to_string(port_);
    options.server = rpc::make_server_certificate(ca_, SystemClock::instance().wall(), std::chrono::hours(24)).value();
    options.ca_pem = ca_.certificate_pem;
    auto server = rpc::NodeServer::start(std::move(options), *this);
    YZ_ASSERT(server.has_value());
    server_ = *std::move(server);
    port_ = server_->port();
  }
  void stop() { server_.reset(); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const std::string& token() const { return token_.text; }

  void publish_config(std::uint64_t seq) { publish_config(test_snapshot(seq), test_delta(config_seq(), seq)); }
  void publish_config(const rpc::ConfigSnapshotUpdate& snapshot, const rpc::ConfigDeltaUpdate& delta) {
    const std::lock_guard lock(mutex_);
    const bool is_first = config_.seq.value == 0;
    config_ = snapshot;
    if (session_ && is_first) session_->send(snapshot);
    if (session_ && !is_first) session_->send(delta);
  }
  void publish_purges(std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t first = purged_ + 1;
    purged_ += count;
    if (session_) session_->send(test_purges(first, purged_));
  }
  void forget_purges_up_to(std::uint64_t seq) {
    const std::lock_guard lock(mutex_);
    oldest_purge_ = seq + 1;
  }
  void send(rpc::ControlMessage message) {
    const std::lock_guard lock(mutex_);
    if (session_) session_->send(std::move(message));
  }
  void acknowledge_usage(bool yes) {
    const std::lock_guard lock(mutex_);
    acknowledges_ = yes;
  }

  /// True when `holds` does within 15 s; it is asked with the lock held.
  template <typename F>
  bool eventually(F holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(15), holds);
  }
  bool wait_for(const std::string& line, long count = 1) {
    return eventually([&] { return std::count(heard_.begin(), heard_.end(), line) >= count; });
  }
  /// The last heartbeat says ready, with everything applied.
  bool wait_until_ready() {
    return eventually([&] {
      return session_ && beat_.ready && beat_.applied_config == config_.seq && beat_.applied_purge.value == purged_;
    });
  }
  bool wait_until_gone() {
    return eventually([&] { return session_ == nullptr; });
  }
  [[nodiscard]] model::Heartbeat beat() {
    const std::lock_guard lock(mutex_);
    return beat_;
  }
  [[nodiscard]] std::vector<std::string> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  /// Batches stored, and how often each came.
  [[nodiscard]] std::map<std::pair<std::uint64_t, std::uint64_t>, int> usage() {
    const std::lock_guard lock(mutex_);
    return usage_;
  }

  /// Sums over all batches, each counted once.
  [[nodiscard]] model::UsageCounts usage_totals() {
    const std::lock_guard lock(mutex_);
    return usage_totals_;
  }

  void on_enrol(rpc::EnrolRequest request, EnrolReply reply) override {
    const std::lock_guard lock(mutex_);
    if (!request.renewing && (request.token_secret != token_.secret || std::exchange(token_used_, true))) {
      return reply(fail(Code::kPermission, "the join token is unknown or was used"));
    }
    auto certificate = rpc::sign_request(ca_, request.request_pem, model::NodeId{7}, SystemClock::instance().wall(),
                                         std::chrono::hours(72));
    if (!certificate) return reply(fail(certificate.error()));
    if (request.renewing) hear("renewed");
    reply(rpc::EnrolAnswer{model::NodeId{7}, *certificate, ca_.certificate_pem});
  }

  Result<std::optional<rpc::Welcome>> on_hello(const rpc::NodeSessionPtr& session) override {
    const std::lock_guard lock(mutex_);
    const rpc::Hello& hello = session->hello();
    session_ = session;
    beat_ = {};
    hear("hello config " + to_string(hello.applied_config) + " purge " + to_string(hello.applied_purge));
    if (hello.applied_config != config_.seq) session->send(config_);
    const std::uint64_t next = hello.applied_purge.value + 1;
    if (next < oldest_purge_) session->send(rpc::PurgeResync{model::PurgeSeq{oldest_purge_ - 1}});
    if (const std::uint64_t from = std::max(next, oldest_purge_); from <= purged_) {
      session->send(test_purges(from, purged_));
    }
    return rpc::Welcome{session->node(), config_.seq, model::PurgeSeq{purged_}};
  }

  void on_message(const rpc::NodeSessionPtr& session, rpc::NodeMessage message) override {
    const std::lock_guard lock(mutex_);
    if (const auto* beat = std::get_if<model::Heartbeat>(&message)) beat_ = *beat;
    if (const auto* ack = std::get_if<rpc::ConfigAck>(&message)) {
      hear((ack->ok ? "config " : "refused ") + to_string(ack->seq) + (ack->ok ? "" : ": " + ack->reason));
    }
    if (const auto* ack = std::get_if<rpc::PurgeAck>(&message)) hear("purged " + to_string(ack->applied));
    if (const auto* usage = std::get_if<rpc::UsageShipment>(&message)) {
      if (++usage_[{usage->epoch, usage->number}] == 1) add_usage(*usage->batch);
      if (acknowledges_) session->send(rpc::UsageAck{usage->epoch, usage->number});
    }
    if (const auto* report = std::get_if<rpc::CorrectionReport>(&message)) {
      for (const auto& c : report->corrections) {
        hear("corrected " + c.client_class + " from " + to_string(c.from) + " to " + to_string(c.to) + ": " +
             std::to_string(c.count));
      }
    }
    if (const auto* result = std::get_if<rpc::PrefetchResult>(&message)) {
      for (const auto& link : result->links) hear("found " + link + " in " + result->manifest);
      for (const auto& url : result->urls) hear(url.ok ? "got " + url.url : "lost " + url.url + ": " + url.reason);
    }
    changed_.notify_all();
  }
  void on_behind(const rpc::NodeSessionPtr&, const rpc::Behind&) override {}
  void on_closed(const rpc::NodeSessionPtr& session, const std::string&) override {
    const std::lock_guard lock(mutex_);
    if (session_ == session) session_ = nullptr;
    changed_.notify_all();
  }

 private:
  void hear(std::string line) {
    heard_.push_back(std::move(line));
    changed_.notify_all();
  }
  void add_usage(const std::string& bytes) {
    const auto batch = model::decode_usage_batch(bytes);
    YZ_ASSERT(batch.has_value());
    for (const model::UsageRecord& record : batch->records) usage_totals_ += record.counts;
  }
  [[nodiscard]] std::uint64_t config_seq() {
    const std::lock_guard lock(mutex_);
    return config_.seq.value;
  }

  const rpc::KeyPair ca_;
  rpc::JoinToken token_;
  std::uint16_t port_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool token_used_ = false;
  bool acknowledges_ = true;
  rpc::NodeSessionPtr session_;
  rpc::ConfigSnapshotUpdate config_;
  std::uint64_t purged_ = 0;
  std::uint64_t oldest_purge_ = 1;
  model::Heartbeat beat_;
  std::vector<std::string> heard_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, int> usage_;
  model::UsageCounts usage_totals_;
  std::unique_ptr<rpc::NodeServer> server_;  // last: ends before the rest
};

}  // namespace yz::agent
