#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/ca.h"
#include "rpc/node_messages.h"

namespace yz::rpc {

/// One connected node, scheduler or relay, or a node below a relay. Shared between the server and whoever sends to it;
/// stays valid (and useless) after it closed. All functions may be called from any thread and never block.
class NodeSession {
 public:
  virtual ~NodeSession() = default;

  [[nodiscard]] virtual model::NodeId node() const = 0;
  [[nodiscard]] virtual Role role() const = 0;
  /// What the node said first.
  [[nodiscard]] virtual const Hello& hello() const = 0;
  /// "127.0.0.1:40112"
  [[nodiscard]] virtual std::string peer() const = 0;
  /// The relay it comes through; zero: none.
  [[nodiscard]] virtual model::NodeId relay() const { return {}; }

  /// Queues a message. The queue is bounded per session and coalesces:
  /// - a snapshot replaces every configuration still waiting; deltas past the limit drop all waiting configuration;
  /// - purge records past the limit are not queued, nor those after them;
  /// - node states merge, the newest of each node wins.
  /// What was dropped is owed: once the node has read what is left, `NodeServerEvents::on_behind` says what to send
  /// again, and until then messages of that kind are ignored, for they will be part of it (a snapshot pays at once).
  /// A node that lets even small messages pile up past a fixed bound is closed.
  /// False when the session is closed.
  virtual bool send(ControlMessage message) = 0;
  /// Ends the session; the node will connect again unless it is refused then.
  virtual void close(std::string reason) = 0;

  struct QueueState {
    std::size_t messages = 0;
    std::size_t bytes = 0;
    bool behind = false;
  };
  [[nodiscard]] virtual QueueState queue() const = 0;
};
using NodeSessionPtr = std::shared_ptr<NodeSession>;

/// What the server reports, on its own threads. Calls about one session come one at a time and in order; the next
/// message of a session is read only after `on_message` returned. Taking time there holds up the sessions of its
/// thread: post what does. An implementation must not destroy the server from inside a call. The nodes
/// below a relay have sessions like all others.
class NodeServerEvents {
 public:
  virtual ~NodeServerEvents() = default;

  using EnrolReply = std::function<void(Result<EnrolAnswer>)>;
  /// A node wants a certificate. Checks the token (or that `renewing` is still welcome), signs with sign_request() and
  /// calls `reply` exactly once, now or later, from any thread.
  virtual void on_enrol(EnrolRequest request, EnrolReply reply) = 0;

  /// A session begins. The answer is its first message; an error ends it, and its text goes to the node. An older
  /// session of the same node id has been closed (and reported so) before. `send` works from here on; what is sent
  /// inside this call follows the Welcome. None: it is sent later, and everything else waits for it.
  virtual Result<std::optional<Welcome>> on_hello(const NodeSessionPtr& session) = 0;
  virtual void on_message(const NodeSessionPtr& session, NodeMessage message) = 0;
  /// See NodeSession::send.
  virtual void on_behind(const NodeSessionPtr& session, const Behind& behind) = 0;
  /// Exactly once for every session for which on_hello returned a Welcome; nothing about that session follows.
  virtual void on_closed(const NodeSessionPtr& session, const std::string& reason) = 0;
};

struct NodeServerOptions {
  std::string listen = "127.0.0.1:0";        ///< host:port; port 0 lets the system choose
  KeyPair server;                            ///< make_server_certificate()
  std::string ca_pem;                        ///< client certificates must come from it
  std::size_t max_config_messages = 64;      ///< deltas waiting in one session
  std::size_t max_purge_bytes = 4ULL << 20;  ///< purge records waiting in one session
  std::size_t threads = 2;                   ///< that read and write; a session stays with one
  std::size_t max_unknown = 4096;            ///< connections that have not proved yet who they are
  std::chrono::milliseconds hello_timeout{10'000};
  std::chrono::milliseconds keepalive_time{10'000};  ///< a silent node is pinged after this
  std::chrono::milliseconds keepalive_timeout{5'000};
  const Clock* clock = &SystemClock::instance();  ///< for the expiry of client certificates
};

/// Control's end of the node channel: frames over TLS 1.3 with certificates of our CA on both sides
/// (docs/formats/node-channel.md). Enrolling needs no client certificate; a session does.
class NodeServer {
 public:
  virtual ~NodeServer() = default;  ///< as stop()

  /// Listens and serves. `events` must outlive the server. Fails with kUnavailable when the address cannot be bound,
  /// kInvalid when a certificate cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<NodeServer>> start(NodeServerOptions options, NodeServerEvents& events);

  /// From now on this certificate is shown. Fails with kConflict when its parts do not belong together.
  [[nodiscard]] virtual Status set_certificate(KeyPair server) = 0;
  /// The port it listens on.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual std::size_t session_count() const = 0;
  /// Closes all sessions, waits for the last event and stops listening. Idempotent.
  virtual void stop() = 0;
};

}  // namespace yz::rpc
