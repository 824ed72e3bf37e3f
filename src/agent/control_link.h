#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/reactor.h"
#include "rpc/node_client.h"

namespace yz::agent {

/// Where the parts of the agent send what control should hear. One reactor's thread.
class ControlSink {
 public:
  virtual ~ControlSink() = default;
  /// False when it was not sent: no session, or too much waits already.
  virtual bool send(rpc::NodeMessage message) = 0;
  /// The session's state no longer fits ours: connect again, so that Hello asks for what is missing.
  virtual void resynchronise(const std::string& why) = 0;
};

/// The session with control, brought onto the agent's reactor.
class ControlLink final : public ControlSink, private rpc::NodeClientEvents {
 public:
  /// On the reactor's thread, one at a time.
  struct Handlers {
    std::function<void(const rpc::Welcome&)> on_connected;
    std::function<void(rpc::ControlMessage)> on_message;
    std::function<void()> on_disconnected;
  };

  /// `handlers` are called between start() and stop().
  ControlLink(io::Reactor& reactor, Handlers handlers);
  ~ControlLink() override { stop(); }

  void start(std::vector<std::string> controls, rpc::NodeIdentity identity);
  void stop();

  bool send(rpc::NodeMessage message) override;
  void resynchronise(const std::string& why) override;
  void set_identity(rpc::NodeIdentity identity);
  /// What the next Hello says.
  void set_hello(rpc::Hello hello);
  [[nodiscard]] bool is_connected() const { return connected_; }

 private:
  rpc::Hello make_hello() override;
  void on_connected(const rpc::Welcome& welcome) override;
  void on_message(rpc::ControlMessage message) override;
  void on_disconnected(const Error& reason) override;
  void on_refused(const Error& reason, std::chrono::milliseconds retry_in) override;
  /// Runs `deed` on the reactor unless this link has been stopped by then.
  void post(std::function<void()> deed);

  std::shared_ptr<io::Remote> remote_;
  const Handlers handlers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // read and cleared on the reactor's thread
  bool connected_ = false;                                      // reactor's thread

  std::mutex mutex_;
  rpc::Hello hello_;                         // guarded by mutex_
  std::string last_refusal_;                 // client's thread: the same trouble is logged once
  std::unique_ptr<rpc::NodeClient> client_;  // last: ends before the rest
};

}  // namespace yz::agent
