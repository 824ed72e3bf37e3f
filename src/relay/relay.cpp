#include "relay/relay.h"

#include <utility>

#include "base/log.h"

namespace yz::relay {
namespace {

constexpr std::string_view kVersion = "yz-relay/0.1.0";
constexpr std::chrono::milliseconds kEnrolTimeout{10'000};

/// Our certificate with the CA behind it, which is how a joining node learns whose cluster this is.
rpc::KeyPair shown_to_nodes(const rpc::NodeIdentity& identity) {
  return {identity.pair.key_pem, identity.pair.certificate_pem + identity.ca_pem};
}

}  // namespace

Relay::Relay(RelayOptions options) : options_(std::move(options)), identity_(options_.identity) {}

Result<std::unique_ptr<Relay>> Relay::start(RelayOptions options) {
  YZ_TRY(const rpc::PeerIdentity own, rpc::identity_of(options.identity.pair.certificate_pem));
  if (!own.is_relay) {
    return fail(Code::kPermission, "the certificate is not a relay's: this folder belongs to another program");
  }
  std::unique_ptr<Relay> relay(new Relay(std::move(options)));
  rpc::NodeServerOptions server;
  server.listen = relay->options_.listen;
  server.server = shown_to_nodes(relay->identity_);
  server.ca_pem = relay->identity_.ca_pem;
  rpc::NodeClientOptions client;
  client.controls = relay->options_.controls;
  client.identity = relay->identity_;
  client.max_queued_bytes = 256ULL << 20;
  client.keepalive_time = std::chrono::seconds(10);
  // The client first: nodes that come before control answers are refused and come again.
  relay->client_ = rpc::NodeClient::start(std::move(client), *relay);
  YZ_TRY(relay->server_, rpc::NodeServer::start(std::move(server), *relay));
  relay->acks_thread_.run_and_wait([&relay](io::Reactor& reactor) { reactor.spawn(relay->tell_acks()); });
  log::info("relay {} listens on port {}", relay->options_.name, relay->server_->port());
  return relay;
}

Relay::~Relay() {
  if (server_) server_->stop();
  if (client_) client_->stop();
}

Status Relay::set_identity(const rpc::NodeIdentity& identity) {
  YZ_CHECK(server_->set_certificate(shown_to_nodes(identity)));
  client_->set_identity(identity);
  const std::lock_guard lock(mutex_);
  identity_ = identity;
  return {};
}

// ---- nodes

void Relay::on_enrol(rpc::EnrolRequest request, EnrolReply reply) {
  rpc::NodeIdentity own;
  {
    const std::lock_guard lock(mutex_);
    own = identity_;
  }
  auto ask = [this, own = std::move(own), request = std::move(request), reply] {
    Result<rpc::EnrolAnswer> answer = fail(Code::kUnavailable, "the relay reaches no control");
    for (const std::string& control : options_.controls) {
      answer = rpc::forward_enrolment(control, own, request, kEnrolTimeout);
      if (answer || answer.error().code != Code::kUnavailable) break;
    }
    reply(std::move(answer));
  };
  if (const Status queued = pool_.submit(std::move(ask)); !queued) reply(fail(queued.error()));
}

Result<std::optional<rpc::Welcome>> Relay::on_hello(const rpc::NodeSessionPtr& session) {
  if (session->role() == rpc::Role::kRelay) return fail(Code::kPermission, "a relay takes no relays");
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!has_control_) return fail(Code::kUnavailable, "the relay has no control now");
    number = ++last_number_;
    sessions_.emplace(number, session);
    numbers_.emplace(session.get(), number);
  }
  tell(session, {{number}, rpc::RelayedOpening{session->hello(), session->peer()}});
  return std::nullopt;  // control's Welcome will come
}

void Relay::on_message(const rpc::NodeSessionPtr& session, rpc::NodeMessage message) {
  const std::uint64_t number = number_of(session);
  if (number == 0) return;
  if (const auto* ack = std::get_if<rpc::PurgeAck>(&message)) {
    gather(number, *ack);
    return;
  }
  tell(session, {{number}, std::make_shared<const rpc::NodeMessageBox>(rpc::NodeMessageBox{std::move(message)})});
}

void Relay::on_behind(const rpc::NodeSessionPtr& session, const rpc::Behind& behind) {
  if (const std::uint64_t number = number_of(session); number > 0) tell(session, {{number}, behind});
}

void Relay::on_closed(const rpc::NodeSessionPtr& session, const std::string& reason) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto it = numbers_.find(session.get());
    if (it == numbers_.end()) return;
    number = it->second;
    numbers_.erase(it);
    sessions_.erase(number);
  }
  (void)client_->send(rpc::RelayedUp{{number}, rpc::RelayedEnd{reason}});
}

std::uint64_t Relay::number_of(const rpc::NodeSessionPtr& session) const {
  const std::lock_guard lock(mutex_);
  const auto it = numbers_.find(session.get());
  return it == numbers_.end() ? 0 : it->second;
}

rpc::NodeSessionPtr Relay::session_of(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(number);
  return it == sessions_.end() ? nullptr : it->second;
}

/// A message that cannot go up would be missed by nobody but the node: it begins anew.
void Relay::tell(const rpc::NodeSessionPtr& session, rpc::RelayedUp message) {
  if (!client_->send(std::move(message))) session->close("the relay's way to control is closed or full");
}

void Relay::gather(std::uint64_t number, const rpc::PurgeAck& ack) {
  const std::lock_guard lock(mutex_);
  acks_[ack.applied].push_back(number);
}

io::Task<void> Relay::tell_acks() {
  for (;;) {
    co_await io::sleep_for(options_.gather_acks);
    std::map<model::PurgeSeq, std::vector<std::uint64_t>> acks;
    {
      const std::lock_guard lock(mutex_);
      acks = std::exchange(acks_, {});
    }
    for (auto& [applied, sessions] : acks) {
      auto box = std::make_shared<const rpc::NodeMessageBox>(rpc::NodeMessageBox{rpc::PurgeAck{applied}});
      // Lost, it is told again by each node's next heartbeat, or by its Hello.
      (void)client_->send(rpc::RelayedUp{std::move(sessions), std::move(box)});
    }
  }
}

// ---- control

rpc::Hello Relay::make_hello() {
  rpc::Hello hello;
  hello.role = rpc::Role::kRelay;
  hello.node = options_.identity.node;
  hello.name = options_.name;
  hello.version = kVersion;
  return hello;
}

void Relay::on_connected(const rpc::Welcome& /*welcome*/) {
  log::info("connected to control");
  const std::lock_guard lock(mutex_);
  has_control_ = true;
}

void Relay::on_message(rpc::ControlMessage message) {
  const auto* relayed = std::get_if<rpc::RelayedDown>(&message);
  if (relayed == nullptr) return;  // for a relay itself there is nothing
  for (const std::uint64_t number : relayed->sessions) {
    const rpc::NodeSessionPtr session = session_of(number);
    if (!session) continue;
    if (const auto* end = std::get_if<rpc::RelayedEnd>(&relayed->what)) {
      session->close(end->reason);
    } else if (const auto* box = rpc::boxed<rpc::ControlMessageBox>(*relayed)) {
      session->send(box->message);
    }
  }
}

void Relay::on_disconnected(const Error& reason) {
  log::warn("control is away: {}", reason.message);
  std::unordered_map<std::uint64_t, rpc::NodeSessionPtr> ended;
  {
    const std::lock_guard lock(mutex_);
    has_control_ = false;
    ended = std::exchange(sessions_, {});
    numbers_.clear();
    acks_.clear();
  }
  for (const auto& [number, session] : ended) session->close("the relay lost control: " + reason.message);
}

void Relay::on_refused(const Error& reason, std::chrono::milliseconds retry_in) {
  log::warn("no session with control, next try in {} ms: {}", retry_in.count(), reason.message);
}

}  // namespace yz::relay
