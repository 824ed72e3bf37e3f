#include "rpc/relay_gate.h"

#include <utility>
#include <vector>

namespace yz::rpc {

/// A node below a relay. What is sent before its Welcome waits for it.
class RelayedSession final : public NodeSession {
 public:
  RelayedSession(NodeSessionPtr relay, std::uint64_t number, RelayedOpening opening)
      : relay_(std::move(relay)), number_(number), opening_(std::move(opening)) {}

  [[nodiscard]] model::NodeId node() const override { return opening_.hello.node; }
  [[nodiscard]] Role role() const override { return opening_.hello.role; }
  [[nodiscard]] const Hello& hello() const override { return opening_.hello; }
  [[nodiscard]] std::string peer() const override { return opening_.peer + " through " + relay_->hello().name; }
  [[nodiscard]] model::NodeId relay() const override { return relay_->node(); }

  bool send(ControlMessage message) override {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    const bool is_welcome = std::holds_alternative<Welcome>(message);
    if (!is_welcomed_ && !is_welcome) {
      waiting_.push_back(std::move(message));
      return true;
    }
    is_welcomed_ = true;
    bool is_sent = pass_on(std::move(message));
    for (ControlMessage& held : std::exchange(waiting_, {})) is_sent = pass_on(std::move(held)) && is_sent;
    return is_sent;
  }
  void close(std::string reason) override {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_closed_, true)) return;
    relay_->send(RelayedDown{{number_}, RelayedEnd{std::move(reason)}});
  }
  [[nodiscard]] QueueState queue() const override { return {}; }

  /// It is over at the other end: nothing is sent any more.
  void forget() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    waiting_.clear();
  }

 private:
  bool pass_on(ControlMessage message) {
    auto box = std::make_shared<const ControlMessageBox>(ControlMessageBox{std::move(message)});
    return relay_->send(RelayedDown{{number_}, std::move(box)});
  }

  const NodeSessionPtr relay_;
  const std::uint64_t number_;
  const RelayedOpening opening_;

  std::mutex mutex_;
  bool is_welcomed_ = false;
  bool is_closed_ = false;
  std::vector<ControlMessage> waiting_;
};

Result<std::optional<Welcome>> RelayGate::on_hello(const NodeSessionPtr& session) {
  if (session->role() != Role::kRelay) {
    replace(session);
    auto welcome = behind_.on_hello(session);
    if (!welcome) give_up(session);
    return welcome;
  }
  YZ_TRY(auto welcome, behind_.on_hello(session));
  const std::lock_guard lock(mutex_);
  trunks_[session.get()] = std::make_shared<Trunk>();
  return welcome;
}

void RelayGate::on_message(const NodeSessionPtr& session, NodeMessage message) {
  if (session->role() == Role::kRelay) {
    if (auto* relayed = std::get_if<RelayedUp>(&message)) take(session, std::move(*relayed));
  } else if (is_current(session)) {
    behind_.on_message(session, std::move(message));
  }
}

void RelayGate::on_behind(const NodeSessionPtr& session, const Behind& behind) {
  if (session->role() != Role::kRelay) behind_.on_behind(session, behind);
}

void RelayGate::on_closed(const NodeSessionPtr& session, const std::string& reason) {
  if (session->role() != Role::kRelay) {
    end(session, reason);
    return;
  }
  std::shared_ptr<Trunk> trunk;
  {
    const std::lock_guard lock(mutex_);
    const auto it = trunks_.find(session.get());
    if (it != trunks_.end()) trunk = std::move(it->second);
    if (it != trunks_.end()) trunks_.erase(it);
  }
  if (trunk) {
    for (const auto& [number, below] : *trunk) {
      below->forget();
      end(below, "its relay went away: " + reason);
    }
  }
  behind_.on_closed(session, reason);
}

std::shared_ptr<RelayGate::Trunk> RelayGate::trunk_of(const NodeSessionPtr& relay) {
  const std::lock_guard lock(mutex_);
  const auto it = trunks_.find(relay.get());
  return it == trunks_.end() ? nullptr : it->second;
}

void RelayGate::take(const NodeSessionPtr& relay, RelayedUp message) {
  const std::shared_ptr<Trunk> trunk = trunk_of(relay);
  if (!trunk) return;
  for (const std::uint64_t number : message.sessions) {
    if (auto* opening = std::get_if<RelayedOpening>(&message.what)) {
      open(relay, *trunk, number, *opening);
      continue;
    }
    const auto it = trunk->find(number);
    if (it == trunk->end()) continue;  // ended from here meanwhile
    const RelayedPtr session = it->second;
    if (const auto* over = std::get_if<RelayedEnd>(&message.what)) {
      trunk->erase(it);
      session->forget();
      end(session, over->reason);
    } else if (!is_current(session)) {
      continue;  // replaced, and the relay does not know yet
    } else if (const auto* behind = std::get_if<Behind>(&message.what)) {
      behind_.on_behind(session, *behind);
    } else if (const auto* box = boxed<NodeMessageBox>(message)) {
      behind_.on_message(session, box->message);
    }
  }
}

void RelayGate::open(const NodeSessionPtr& relay, Trunk& trunk, std::uint64_t number, RelayedOpening opening) {
  const auto session = std::make_shared<RelayedSession>(relay, number, std::move(opening));
  if (session->role() == Role::kRelay || trunk.contains(number)) {
    relay->close("a relay that does not keep to the protocol");
    return;
  }
  replace(session);
  auto welcome = behind_.on_hello(session);
  if (!welcome) {
    give_up(session);
    session->close(welcome.error().message);
    return;
  }
  trunk.emplace(number, session);
  if (*welcome) session->send(**welcome);
}

void RelayGate::replace(const NodeSessionPtr& session) {
  NodeSessionPtr old;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(current_[session->node()], session);
  }
  if (!old) return;
  constexpr const char* kReason = "replaced by a newer session";
  old->close(kReason);
  behind_.on_closed(old, kReason);
}

bool RelayGate::is_current(const NodeSessionPtr& session) const {
  const std::lock_guard lock(mutex_);
  const auto it = current_.find(session->node());
  return it != current_.end() && it->second == session;
}

bool RelayGate::give_up(const NodeSessionPtr& session) {
  const std::lock_guard lock(mutex_);
  const auto it = current_.find(session->node());
  if (it == current_.end() || it->second != session) return false;
  current_.erase(it);
  return true;
}

void RelayGate::end(const NodeSessionPtr& session, const std::string& reason) {
  if (give_up(session)) behind_.on_closed(session, reason);
}

}  // namespace yz::rpc
