#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "rpc/control_queue.h"
#include "rpc/frame.h"
#include "rpc/node_server.h"
#include "rpc/wire.h"

// The server's side of one stream. Included by this room's sources only.

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
  /// The stream has ended; nothing of gRPC's refers to the session any more.
  virtual void forget(const ServerSessionPtr& session) = 0;
};

/// One stream: Hello in, Welcome out, then both ways until either end closes. At most one write is under way; the rest
/// waits in the queue, so a slow node costs its own bounded memory and nobody's time. Lives until OnDone.
class ServerSession final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public NodeSession,
                            public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(SessionHost& host, grpc::CallbackServerContext& context);
  /// Checks who it is and starts reading. Once, right after construction.
  void begin();

  [[nodiscard]] model::NodeId node() const override { return identity_.node; }
  [[nodiscard]] Role role() const override { return hello_.role; }
  [[nodiscard]] const Hello& hello() const override { return hello_; }
  [[nodiscard]] std::string peer() const override { return peer_; }
  bool send(ControlMessage message) override;
  void close(std::string reason) override;
  [[nodiscard]] QueueState queue() const override;

  /// Closes because of `error`.
  void end(const Error& error);
  /// Tells the events that it is over, if they knew of it and were not told. Waits for a running event to return.
  void report_closed(const std::string& reason);
  /// Ends a session that has not said Hello by its deadline or whose certificate has expired.
  void check_deadlines(MonoTime now, WallTime wall);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  [[nodiscard]] Result<PeerIdentity> authenticate() const;
  [[nodiscard]] Status greet();
  [[nodiscard]] Status deliver();
  void pump();            // starts the next write; mutex_ held
  void finish_if_idle();  // mutex_ held
  void settle_behind();

  SessionHost& host_;
  grpc::CallbackServerContext* context_;
  ServerSessionPtr self_;  // keeps the session alive as long as gRPC uses it
  std::string peer_;
  PeerIdentity identity_;
  Hello hello_;
  MonoTime hello_deadline_;
  wire::NodeMessageReader reader_;
  grpc::ByteBuffer in_;
  grpc::ByteBuffer out_;

  std::mutex event_mutex_;  // one event at a time; taken before mutex_
  bool opened_ = false;     // events().on_hello accepted it
  bool reported_ = false;   // events().on_closed was called

  mutable std::mutex mutex_;
  ControlQueue queue_;
  bool greeted_ = false;  // Hello arrived
  bool welcomed_ = false;
  bool writing_ = false;
  bool finished_ = false;  // Finish was called
  bool done_ = false;
  std::optional<grpc::Status> ending_;
  std::optional<MonoTime> cut_at_;  // it ends, and a write was under way
};

}  // namespace yz::rpc
