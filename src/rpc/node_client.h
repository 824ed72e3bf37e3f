#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/reactor_thread.h"
#include "rpc/ca.h"
#include "rpc/node_messages.h"

namespace yz::rpc {

/// What a node keeps of its enrolment.
struct NodeIdentity {
  model::NodeId node;
  KeyPair pair;
  std::string ca_pem;
};

struct EnrolOptions {
  std::string control;  ///< host:port
  std::string token;    ///< JoinToken::text
  Role role = Role::kEdge;
  std::string name;
  std::chrono::milliseconds timeout{10'000};
};

/// Joins a cluster: checks the CA that control presents against the token's fingerprint, makes a key, has it signed.
/// Blocks. Fails with kPermission when the token is refused or another CA answers, kUnavailable, kTimeout.
[[nodiscard]] Result<NodeIdentity> enrol(const EnrolOptions& options);

/// A fresh key and certificate for an enrolled node. Blocks; fails as enrol() does.
[[nodiscard]] Result<NodeIdentity> renew(const std::string& control, const NodeIdentity& current,
                                         std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000));

/// Asks control for what a node asked its relay for. Blocks; fails as control does.
[[nodiscard]] Result<EnrolAnswer> forward_enrolment(const std::string& control, const NodeIdentity& relay,
                                                    const EnrolRequest& request, std::chrono::milliseconds timeout);

/// What the client reports, on its thread, one call at a time. Implementations post to their reactor. `send` may be
/// called inside; `stop` and the destructor may not.
class NodeClientEvents {
 public:
  virtual ~NodeClientEvents() = default;
  /// Before each attempt: how far the node is now.
  virtual Hello make_hello() = 0;
  virtual void on_connected(const Welcome& welcome) = 0;
  /// Never a Welcome.
  virtual void on_message(ControlMessage message) = 0;
  /// After on_connected, exactly once. Messages not yet sent are lost; whoever needs an answer sends again.
  virtual void on_disconnected(const Error& reason) = 0;
  /// An attempt failed before it was welcomed; the next one follows in `retry_in`.
  virtual void on_refused(const Error& reason, std::chrono::milliseconds retry_in) = 0;
};

struct NodeClientOptions {
  std::vector<std::string> controls;  ///< host:port each, tried in turn
  NodeIdentity identity;
  std::chrono::milliseconds first_retry{100};  ///< doubles with each failure, jittered by ±25 %
  std::chrono::milliseconds max_retry{5'000};  ///< the others of `controls` are tried before each wait
  std::chrono::milliseconds welcome_timeout{10'000};
  std::chrono::milliseconds keepalive_time{20'000};
  std::chrono::milliseconds keepalive_timeout{5'000};
  std::size_t max_queued_bytes = 16ULL << 20;
  io::ReactorThread* thread = nullptr;  ///< to share one among many clients, which it outlives; null: one of its own
};

/// A node's end of the channel to control: keeps one session open for ever, with jittered backoff. Any thread may call.
class NodeClient {
 public:
  virtual ~NodeClient() = default;  ///< as stop()

  /// Starts connecting. `events` must outlive the client.
  [[nodiscard]] static std::unique_ptr<NodeClient> start(NodeClientOptions options, NodeClientEvents& events);

  /// Queues a message; a waiting Heartbeat, ConfigAck or PurgeAck is replaced by a newer one that covers it. False when
  /// not connected or the queue is full: the message is not sent.
  virtual bool send(NodeMessage message) = 0;
  [[nodiscard]] virtual bool is_connected() const = 0;
  /// Ends the session, if there is one, and connects again: the new Hello says what is missing.
  virtual void reconnect() = 0;
  /// The next attempt uses the new certificate; a running session goes on.
  virtual void set_identity(NodeIdentity identity) = 0;
  /// Ends the session and waits for the last event. Idempotent.
  virtual void stop() = 0;
};

}  // namespace yz::rpc
