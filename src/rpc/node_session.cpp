#include "rpc/node_session.h"

#include <utility>

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include "base/text.h"
#include "rpc/grpc_status.h"

namespace yz::rpc {
namespace {

constexpr std::chrono::milliseconds kFinishGrace{500};  // for a write under way before the stream is cut

// gRPC writes "ipv4:127.0.0.1:40112" and percent-encodes the brackets of IPv6.
std::string readable_peer(const std::string& peer) {
  const auto colon = peer.find(':');
  const std::string_view address =
      colon == std::string::npos ? std::string_view(peer) : std::string_view(peer).substr(colon + 1);
  return percent_decode(address).value_or(std::string(address));
}

}  // namespace

ServerSession::ServerSession(SessionHost& host, grpc::CallbackServerContext& context)
    : host_(host),
      context_(&context),
      peer_(readable_peer(context.peer())),
      hello_deadline_(host.options().clock->mono() + host.options().hello_timeout),
      queue_({.config_messages = host.options().max_config_messages, .purge_bytes = host.options().max_purge_bytes}) {}

void ServerSession::begin() {
  self_ = shared_from_this();
  auto identity = authenticate();
  if (!identity) {
    end(identity.error());
    return;
  }
  identity_ = *identity;
  StartRead(&in_);
}

Result<PeerIdentity> ServerSession::authenticate() const {
  const auto auth = context_->auth_context();
  if (!auth || !auth->IsPeerAuthenticated()) {
    return fail(Code::kUnauthenticated, "a client certificate is required", Fault::kClient);
  }
  const auto pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return fail(Code::kUnauthenticated, "no certificate from the TLS layer");
  return identity_of({pem.front().data(), pem.front().size()});
}

bool ServerSession::send(ControlMessage message) {
  const std::lock_guard lock(mutex_);
  if (ending_ || done_) return false;
  if (!queue_.push(std::move(message))) {
    ending_ = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many messages wait for this node");
    finish_if_idle();
    return false;
  }
  pump();
  return true;
}

void ServerSession::close(std::string reason) { end(Error{Code::kUnavailable, Fault::kSelf, true, std::move(reason)}); }

void ServerSession::end(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (ending_ || done_) return;
  ending_ = to_grpc(error);
  finish_if_idle();
}

NodeSession::QueueState ServerSession::queue() const {
  const std::lock_guard lock(mutex_);
  return queue_.state();
}

void ServerSession::pump() {
  if (!welcomed_ || writing_ || ending_ || done_) return;
  auto frame = queue_.next();
  if (!frame) return;
  out_ = wire::to_frame(frame->message, frame->slice);
  writing_ = true;
  StartWrite(&out_);
}

// The reason goes out when the write under way has ended. It never ends when the node does not read: check_deadlines
// cuts the stream then.
void ServerSession::finish_if_idle() {
  if (finished_ || done_) return;
  if (writing_) {
    cut_at_ = host_.options().clock->mono() + kFinishGrace;
    return;
  }
  finished_ = true;
  Finish(*ending_);
}

void ServerSession::OnReadDone(bool ok) {
  if (!ok) {
    end(Error{Code::kUnavailable, Fault::kSelf, true, "the node went away"});
    return;
  }
  bool greeted = false;
  {
    const std::lock_guard lock(mutex_);
    greeted = std::exchange(greeted_, true);
  }
  const Status status = greeted ? deliver() : greet();
  if (!status) {
    end(status.error());
    return;
  }
  StartRead(&in_);
}

Status ServerSession::greet() {
  wire::pb::NodeMessage in;
  YZ_CHECK(wire::from_frame(in_, in));
  YZ_TRY(hello_, wire::hello_from_wire(std::move(in)));
  if (hello_.node != identity_.node) {
    return fail(Code::kPermission, "Hello is from another node than the certificate", Fault::kClient);
  }
  host_.admit(shared_from_this());
  const std::lock_guard event_lock(event_mutex_);
  if (reported_) return fail(Code::kUnavailable, "replaced by a newer session");
  YZ_TRY(Welcome welcome, host_.events().on_hello(shared_from_this()));
  opened_ = true;
  const std::lock_guard lock(mutex_);
  queue_.push_first(welcome);
  welcomed_ = true;
  pump();
  return {};
}

Status ServerSession::deliver() {
  wire::pb::NodeMessage in;
  YZ_CHECK(wire::from_frame(in_, in));
  YZ_TRY(auto message, reader_.read(std::move(in)));
  if (!message) return {};
  const std::lock_guard event_lock(event_mutex_);
  if (!reported_) host_.events().on_message(shared_from_this(), *std::move(message));
  return {};
}

void ServerSession::OnWriteDone(bool ok) {
  bool idle = false;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    out_.Clear();
    if (!ok && !ending_) ending_ = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the node went away");
    if (ending_) {
      finish_if_idle();
      return;
    }
    pump();
    idle = !writing_;
  }
  if (idle) settle_behind();
}

void ServerSession::settle_behind() {
  const std::lock_guard event_lock(event_mutex_);
  std::optional<Behind> behind;
  {
    const std::lock_guard lock(mutex_);
    if (!ending_) behind = queue_.take_behind();
  }
  if (behind && !reported_) host_.events().on_behind(shared_from_this(), *behind);
}

void ServerSession::OnCancel() { end(Error{Code::kCancelled, Fault::kSelf, true, "the connection broke"}); }

void ServerSession::report_closed(const std::string& reason) {
  const std::lock_guard event_lock(event_mutex_);
  if (std::exchange(reported_, true) || !opened_) return;
  host_.events().on_closed(shared_from_this(), reason);
}

void ServerSession::check_deadlines(MonoTime now, WallTime wall) {
  bool silent = false;
  {
    const std::lock_guard lock(mutex_);
    silent = !greeted_ && now >= hello_deadline_;
    if (cut_at_ && now >= *cut_at_ && writing_ && !done_) context_->TryCancel();
  }
  if (silent) end(Error{Code::kTimeout, Fault::kClient, true, "no Hello in time"});
  if (wall >= identity_.not_after && identity_.node) {
    end(Error{Code::kUnauthenticated, Fault::kClient, false, "the node's certificate has expired"});
  }
}

void ServerSession::OnDone() {
  std::string reason = "the session ended";
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
    if (ending_) reason = ending_->error_message();
  }
  report_closed(reason);
  const ServerSessionPtr self = std::exchange(self_, nullptr);
  host_.forget(self);
}

}  // namespace yz::rpc
