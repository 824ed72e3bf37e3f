#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gslb/state_store.h"
#include "io/reactor.h"
#include "model/config_snapshot.h"
#include "rpc/node_client.h"

namespace yz::gslb {

/// What a scheduler hears from control, on its reactor's thread.
class ControlEvents {
 public:
  virtual ~ControlEvents() = default;
  /// A whole configuration. The answer is the acknowledgement: an error refuses it.
  virtual Status on_config(model::SnapshotPtr config) = 0;
  virtual Status on_delta(const model::ConfigDelta& delta) = 0;
  virtual void on_node_states(rpc::NodeStates states) = 0;
  virtual void on_connected(bool is_connected) = 0;
};

/// The session to control: enrols once with the join token, keeps the identity, renews its certificate in time, and
/// hands every message to the reactor. Control away means silence, never an error for those who ask.
class ControlLink final : private rpc::NodeClientEvents {
 public:
  struct Options {
    std::vector<std::string> controls;
    std::string join_token;
    std::string name;
  };
  /// `events` and `store` outlive it; made and destroyed on the reactor's thread.
  ControlLink(io::Reactor& reactor, Options options, const StateStore& store, ControlEvents& events);
  ~ControlLink() override;
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;

  /// What the next Hello says is in force.
  void set_applied(model::ConfigSeq seq, std::string hash);
  void report(rpc::HealthReport report);
  [[nodiscard]] bool is_connected() const;

 private:
  rpc::Hello make_hello() override;
  void on_connected(const rpc::Welcome& welcome) override;
  void on_message(rpc::ControlMessage message) override;
  void on_disconnected(const Error& reason) override;
  void on_refused(const Error& reason, std::chrono::milliseconds retry_in) override;

  void keep_identity();
  bool wait_for(std::chrono::milliseconds time);
  [[nodiscard]] std::optional<rpc::NodeIdentity> enrol_once();
  void renew_when_due();
  void acknowledge(model::ConfigSeq seq, const Status& status);
  void deliver(rpc::ConfigSnapshotUpdate update);
  void deliver(rpc::ConfigDeltaUpdate update);
  /// Runs `deed` on the reactor's thread, unless this is gone by then.
  template <typename Deed>
  void post(Deed deed);

  const std::shared_ptr<io::Remote> remote_;
  const Options options_;
  const StateStore& store_;
  ControlEvents& events_;
  const std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);  // read and written on the reactor's thread

  mutable std::mutex mutex_;
  std::condition_variable stop_signal_;
  bool is_stopping_ = false;                 // guarded by mutex_
  rpc::Hello hello_;                         // guarded by mutex_
  std::unique_ptr<rpc::NodeClient> client_;  // guarded by mutex_ until set, then constant
  rpc::NodeIdentity identity_;               // of the identity thread
  std::thread identity_thread_;
};

}  // namespace yz::gslb
