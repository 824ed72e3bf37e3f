#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "rpc/node_client.h"
#include "rpc/node_server.h"

namespace yz::rpc::testing {

// Both ends of the channel, for tests. Not for production code.

using namespace std::chrono_literals;

inline WallTime now() { return SystemClock::instance().wall(); }

/// What happened, in order, for a test to wait on.
class Journal {
 public:
  void add(std::string entry) {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
    changed_.notify_all();
  }
  /// True when `entry` has been added `count` times within 10 s.
  bool wait_for(const std::string& entry, long count = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return std::count(entries_.begin(), entries_.end(), entry) >= count; });
  }
  bool has(const std::string& entry) {
    const std::lock_guard lock(mutex_);
    return std::count(entries_.begin(), entries_.end(), entry) > 0;
  }
  std::string all() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& entry : entries_) text += entry + "; ";
    return text;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> entries_;
};

class FakeControl final : public NodeServerEvents {
 public:
  explicit FakeControl(KeyPair ca_pair) : ca(std::move(ca_pair)) {}

  void on_enrol(EnrolRequest request, EnrolReply reply) override {
    if (!request.renewing && request.token_secret != secret) {
      reply(fail(Code::kPermission, "unknown join token"));
      return;
    }
    const model::NodeId node = request.renewing ? request.renewing : model::NodeId{5};
    enrolled_from = request.peer;
    auto certificate = sign_request(ca, request.request_pem, node, now(), 72h);
    if (!certificate) return reply(fail(certificate.error()));
    reply(EnrolAnswer{node, *certificate, ca.certificate_pem});
  }
  Result<std::optional<Welcome>> on_hello(const NodeSessionPtr& session) override {
    if (refuse) return fail(Code::kPermission, "this node was removed");
    {
      const std::lock_guard lock(mutex);
      last = session;
    }
    journal.add("hello " + to_string(session->node()) + " at " + to_string(session->hello().applied_purge));
    return Welcome{session->node(), model::ConfigSeq{10}, model::PurgeSeq{20}};
  }
  void on_message(const NodeSessionPtr& session, NodeMessage message) override {
    if (stall) const std::lock_guard wait(stall_mutex);
    if (const auto* ack = std::get_if<PurgeAck>(&message)) {
      {
        const std::lock_guard lock(mutex);
        acks.push_back(session->node());
      }
      journal.add("purge ack " + to_string(ack->applied));
    }
    if (const auto* usage = std::get_if<UsageShipment>(&message)) {
      journal.add("usage " + std::to_string(usage->number) + " of " + std::to_string(usage->batch->size()));
      session->send(UsageAck{usage->epoch, usage->number});
    }
  }
  void on_behind(const NodeSessionPtr& session, const Behind& behind) override {
    if (behind.purge_from) {
      behind_from = behind.purge_from->value;
      journal.add("behind");
      session->send(PurgeRecords{*behind.purge_from, model::PurgeSeq{1000}, std::make_shared<std::string>("rest")});
    }
  }
  void on_closed(const NodeSessionPtr&, const std::string& reason) override {
    journal.add("closed");
    journal.add("closed: " + reason);
  }

  NodeSessionPtr session() {
    const std::lock_guard lock(mutex);
    return last;
  }

  KeyPair ca;
  std::string secret;
  std::string enrolled_from;
  std::atomic<bool> refuse = false;
  std::atomic<std::uint64_t> behind_from = 0;
  Journal journal;
  std::atomic<bool> stall = false;
  std::mutex stall_mutex;
  std::mutex mutex;
  NodeSessionPtr last;
  std::vector<model::NodeId> acks;  // of purges: by whom
};

class FakeNode final : public NodeClientEvents {
 public:
  Hello make_hello() override { return {.role = Role::kEdge, .node = id, .name = "n", .applied_purge = applied}; }
  void on_connected(const Welcome& welcome) override { journal.add("welcome " + to_string(welcome.current_config)); }
  void on_message(ControlMessage message) override {
    if (const auto* snapshot = std::get_if<ConfigSnapshotUpdate>(&message)) {
      journal.add("snapshot " + to_string(snapshot->seq) + " of " + std::to_string(snapshot->snapshot->size()));
    } else if (const auto* purges = std::get_if<PurgeRecords>(&message)) {
      if (stall) const std::lock_guard wait(stall_mutex);
      journal.add("purges " + to_string(purges->first) + "-" + to_string(purges->last));
    } else if (const auto* ack = std::get_if<UsageAck>(&message)) {
      journal.add("usage ack " + std::to_string(ack->number));
    }
  }
  void on_disconnected(const Error& reason) override { journal.add("disconnected: " + reason.message); }
  void on_refused(const Error& reason, std::chrono::milliseconds) override {
    journal.add("refused");
    journal.add("refused: " + reason.message);
  }

  model::NodeId id{5};
  model::PurgeSeq applied{3};
  Journal journal;
  std::atomic<bool> stall = false;
  std::mutex stall_mutex;
};

/// A certificate of `ca`, with its key, valid for an hour.
inline NodeIdentity identity_from(const KeyPair& ca, std::uint64_t id, WallTime at = now(),
                                  CertificateUse use = CertificateUse::kNode) {
  const auto own = make_key_and_request().value();
  return {model::NodeId{id},
          {own.key_pem, sign_request(ca, own.request_pem, model::NodeId{id}, at, 1h, use).value()},
          ca.certificate_pem};
}

}  // namespace yz::rpc::testing
