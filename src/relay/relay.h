#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/blocking_pool.h"
#include "io/reactor_thread.h"
#include "rpc/node_client.h"
#include "rpc/node_server.h"

namespace yz::relay {

struct RelayOptions {
  std::vector<std::string> controls;  ///< host:port each
  std::string listen;                 ///< host:port for nodes
  std::string name;
  rpc::NodeIdentity identity;
  /// Acknowledgements are gathered for so long, then told together.
  std::chrono::milliseconds gather_acks{5};
};

/// Stands between control and the nodes of a region: to nodes it is control, to control it is all of them over one
/// connection. What control says to many goes there once; acknowledgements come back together. It keeps nothing: each
/// node's session below lasts as long as the relay's own with control, so that whatever is lost with either is asked
/// for again, as it is without a relay. Runs on threads of its own.
class Relay final : public rpc::NodeServerEvents, public rpc::NodeClientEvents {
 public:
  /// Listens and connects. Fails as rpc::NodeServer::start.
  [[nodiscard]] static Result<std::unique_ptr<Relay>> start(RelayOptions options);
  ~Relay() override;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::size_t node_count() const { return server_->session_count(); }
  /// New connections, both ways, use this certificate.
  [[nodiscard]] Status set_identity(const rpc::NodeIdentity& identity);

  // What nodes do:
  void on_enrol(rpc::EnrolRequest request, EnrolReply reply) override;
  Result<std::optional<rpc::Welcome>> on_hello(const rpc::NodeSessionPtr& session) override;
  void on_message(const rpc::NodeSessionPtr& session, rpc::NodeMessage message) override;
  void on_behind(const rpc::NodeSessionPtr& session, const rpc::Behind& behind) override;
  void on_closed(const rpc::NodeSessionPtr& session, const std::string& reason) override;

  // What control does:
  rpc::Hello make_hello() override;
  void on_connected(const rpc::Welcome& welcome) override;
  void on_message(rpc::ControlMessage message) override;
  void on_disconnected(const Error& reason) override;
  void on_refused(const Error& reason, std::chrono::milliseconds retry_in) override;

 private:
  explicit Relay(RelayOptions options);
  [[nodiscard]] std::uint64_t number_of(const rpc::NodeSessionPtr& session) const;
  [[nodiscard]] rpc::NodeSessionPtr session_of(std::uint64_t number) const;
  void tell(const rpc::NodeSessionPtr& session, rpc::RelayedUp message);
  void gather(std::uint64_t number, const rpc::PurgeAck& ack);
  io::Task<void> tell_acks();

  const RelayOptions options_;
  mutable std::mutex mutex_;
  rpc::NodeIdentity identity_;                                       // guarded by mutex_
  bool has_control_ = false;                                         // guarded by mutex_
  std::uint64_t last_number_ = 0;                                    // guarded by mutex_
  std::unordered_map<std::uint64_t, rpc::NodeSessionPtr> sessions_;  // guarded by mutex_
  std::unordered_map<rpc::NodeSession*, std::uint64_t> numbers_;     // guarded by mutex_
  std::map<model::PurgeSeq, std::vector<std::uint64_t>> acks_;       // guarded by mutex_; not told yet

  io::BlockingPool pool_;  // for enrolments
  std::unique_ptr<rpc::NodeServer> server_;
  std::unique_ptr<rpc::NodeClient> client_;
  io::ReactorThread acks_thread_{"acks", io::Backend::kEpoll};  // last: uses all of the above
};

}  // namespace yz::relay
