#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/waiters.h"
#include "rpc/control_queue.h"
#include "rpc/link.h"
#include "rpc/node_server.h"

// The server's side of one connection. Included by this room's sources only.

namespace yz::rpc {

class ServerSession;
using ServerSessionPtr = std::shared_ptr<ServerSession>;

/// What a session needs from its server. Any thread.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  [[nodiscard]] virtual NodeServerEvents& events() = 0;
  [[nodiscard]] virtual const NodeServerOptions& options() const = 0;
  /// Makes `session` the one of its node; closes the one before and reports it closed. Takes time: no locks held.
  virtual void admit(const ServerSessionPtr& session) = 0;
};

/// One connection: Hello in, Welcome out, then both ways until either end closes; or one enrolment. It runs on one
/// reactor; what is to be said may come from any thread and waits in the queue, so a slow node costs its own bounded
/// memory and nobody's time.
class ServerSession final : public NodeSession, public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(SessionHost& host, Endpoint peer) : host_(host), peer_(peer) {}

  /// From the connection to its end, the handshake included.
  [[nodiscard]] io::Task<void> run(io::TcpStream stream, std::shared_ptr<net::TlsServerContext> tls);

  [[nodiscard]] model::NodeId node() const override { return identity_.node; }
  [[nodiscard]] Role role() const override { return hello_.role; }
  [[nodiscard]] const Hello& hello() const override { return hello_; }
  [[nodiscard]] std::string peer() const override { return to_string(peer_); }
  bool send(ControlMessage message) override;
  void close(std::string reason) override;
  [[nodiscard]] QueueState queue() const override;

  /// Closes because of `error`. Any thread.
  void end(const Error& error);
  /// Tells the events that it is over, if they knew of it and were not told. Waits for a running event to return. Any
  /// thread.
  void report_closed();
  /// Ends a session that is silent, has not said Hello by its deadline, whose certificate has expired, or that does not
  /// end by itself. On its reactor, several times a second.
  void look_at_clock(WallTime wall);

 private:
  struct Outgoing {
    std::vector<OutFrame> frames;
    bool is_last = false;
  };
  [[nodiscard]] Status take(const Frame& frame);
  [[nodiscard]] Status greet(const Frame& frame);
  [[nodiscard]] Status deliver(const Frame& frame);
  [[nodiscard]] Status begin_enrolment(const Frame& frame);
  void answer_enrolment(const Result<EnrolAnswer>& answer);
  [[nodiscard]] Result<PeerIdentity> identify() const;
  [[nodiscard]] io::Task<void> write_until_end();
  [[nodiscard]] Outgoing next_frames();
  void settle_behind();

  SessionHost& host_;
  const Endpoint peer_;

  // On the reactor:
  std::unique_ptr<Link> link_;
  MonoTime begun_;
  bool is_pinged_ = false;
  std::optional<MonoTime> cut_at_;  // it ends, whatever waits
  bool is_first_frame_ = true;
  bool is_enrolling_ = false;
  wire::NodeMessageReader reader_;

  // Set before anybody else knows of the session:
  PeerIdentity identity_;
  Hello hello_;

  std::mutex event_mutex_;    // one event at a time; taken before mutex_
  bool is_opened_ = false;    // events().on_hello accepted it
  bool is_reported_ = false;  // events().on_closed was called

  mutable std::mutex mutex_;
  ControlQueue queue_{
      {.config_messages = host_.options().max_config_messages, .purge_bytes = host_.options().max_purge_bytes}};
  std::vector<OutFrame> extra_;  // before all in the queue
  bool is_welcomed_ = false;
  std::optional<Error> ending_;
  io::Waiters wake_;  // something to write
};

}  // namespace yz::rpc
