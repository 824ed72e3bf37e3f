#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "rpc/node_server.h"

// The nodes below relays. Included by this room's sources only.

namespace yz::rpc {

class RelayedSession;

/// Stands between a server's sessions and those who hear of them: of what a relay passes on it makes a session for each
/// node below, and what is sent to those goes to the relay, once for all that it is the same for. A node has one
/// session, through whichever way it came last.
class RelayGate final : public NodeServerEvents {
 public:
  explicit RelayGate(NodeServerEvents& behind) : behind_(behind) {}

  void on_enrol(EnrolRequest request, EnrolReply reply) override {
    behind_.on_enrol(std::move(request), std::move(reply));
  }
  Result<std::optional<Welcome>> on_hello(const NodeSessionPtr& session) override;
  void on_message(const NodeSessionPtr& session, NodeMessage message) override;
  void on_behind(const NodeSessionPtr& session, const Behind& behind) override;
  void on_closed(const NodeSessionPtr& session, const std::string& reason) override;

 private:
  using RelayedPtr = std::shared_ptr<RelayedSession>;
  /// The sessions below one relay, by its numbers. Used in the events of the relay's session only, one at a time.
  using Trunk = std::unordered_map<std::uint64_t, RelayedPtr>;

  void take(const NodeSessionPtr& relay, RelayedUp message);
  void open(const NodeSessionPtr& relay, Trunk& trunk, std::uint64_t number, RelayedOpening opening);
  void end(const NodeSessionPtr& session, const std::string& reason);
  void replace(const NodeSessionPtr& session);
  [[nodiscard]] bool is_current(const NodeSessionPtr& session) const;
  /// True when it was; then it is no more.
  bool give_up(const NodeSessionPtr& session);
  [[nodiscard]] std::shared_ptr<Trunk> trunk_of(const NodeSessionPtr& relay);

  NodeServerEvents& behind_;
  mutable std::mutex mutex_;
  std::map<NodeSession*, std::shared_ptr<Trunk>> trunks_;  // by the relay's session
  std::map<model::NodeId, NodeSessionPtr> current_;        // those that were heard of and have not been reported closed
};

}  // namespace yz::rpc
