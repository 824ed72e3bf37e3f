#include "rpc/node_session.h"

#include <utility>

#include "io/reactor.h"

namespace yz::rpc {
namespace {

constexpr std::chrono::milliseconds kEndGrace{500};  // for the reason of an end to go out
constexpr std::chrono::seconds kMaxEnrolment{60};
/// Gathered for one write; what comes later may overtake the rest.
constexpr std::size_t kMaxGathered = 64 << 10;

}  // namespace

io::Task<void> ServerSession::run(io::TcpStream stream, std::shared_ptr<net::TlsServerContext> tls) {
  io::Reactor& reactor = io::Reactor::current();
  begun_ = reactor.now();
  auto secured = co_await net::accept_tls(std::move(stream), std::move(tls), reactor.in(host_.options().hello_timeout));
  if (!secured) co_return;
  const LinkOwner owner(link_);
  link_ = std::make_unique<Link>(*std::move(secured), kMaxFirstFrame);
  io::TaskScope writing;
  io::Event is_written;
  const auto write = [](ServerSession& self, io::Event& done) -> io::Task<void> {
    co_await self.write_until_end();
    done.set();
  };
  reactor.spawn_into(writing, write(*this, is_written));

  const Status read = co_await link_->read([this](const Frame& frame) { return take(frame); });
  if (read) {
    end(Error{Code::kUnavailable, Fault::kSelf, true, "the node went away"});
  } else {
    end(read.error());
    if (co_await is_written.wait(reactor.in(kEndGrace))) co_await link_->close_gently(kEndGrace);
  }
  writing.cancel_all();
  report_closed();
}

// ---- what comes

Status ServerSession::take(const Frame& frame) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return {};
  }
  is_pinged_ = false;
  switch (frame.kind) {
    case FrameKind::kPing: {
      const std::lock_guard lock(mutex_);
      if (extra_.empty()) extra_.push_back(wire::bare_frame(FrameKind::kPong));
      break;
    }
    case FrameKind::kPong:
      return {};
    case FrameKind::kEnd:
      return fail(Code::kUnavailable, "the node went away");
    case FrameKind::kEnrol:
      return begin_enrolment(frame);
    case FrameKind::kMessage:
      if (is_enrolling_) return fail(Code::kInvalid, "a message from one who enrols", Fault::kClient);
      return std::exchange(is_first_frame_, false) ? greet(frame) : deliver(frame);
  }
  wake_.notify_all();
  return {};
}

Result<PeerIdentity> ServerSession::identify() const {
  const std::vector<std::string> shown = link_->stream().peer_certificates();
  if (shown.empty()) return fail(Code::kUnauthenticated, "a client certificate is required", Fault::kClient);
  return identity_of(shown.front());
}

Status ServerSession::greet(const Frame& frame) {
  YZ_TRY(identity_, identify());
  wire::pb::NodeMessage in;
  YZ_CHECK(wire::parse(frame.body, in));
  YZ_TRY(hello_, wire::hello_from_wire(std::move(in)));
  if (hello_.node != identity_.node) {
    return fail(Code::kPermission, "Hello is from another node than the certificate", Fault::kClient);
  }
  if ((hello_.role == Role::kRelay) != identity_.is_relay) {
    return fail(Code::kPermission, "the certificate is for the other role", Fault::kClient);
  }
  link_->set_max_body(kMaxNodeFrame);
  host_.admit(shared_from_this());
  const std::lock_guard event_lock(event_mutex_);
  if (is_reported_) return fail(Code::kUnavailable, "replaced by a newer session");
  YZ_TRY(std::optional<Welcome> welcome, host_.events().on_hello(shared_from_this()));
  is_opened_ = true;
  if (welcome) send(*welcome);
  return {};
}

Status ServerSession::deliver(const Frame& frame) {
  wire::pb::NodeMessage in;
  YZ_CHECK(wire::parse(frame.body, in));
  YZ_TRY(auto message, reader_.read(std::move(in)));
  if (!message) return {};
  const std::lock_guard event_lock(event_mutex_);
  if (!is_reported_) host_.events().on_message(shared_from_this(), *std::move(message));
  return {};
}

Status ServerSession::begin_enrolment(const Frame& frame) {
  if (!std::exchange(is_first_frame_, false)) return fail(Code::kInvalid, "a late enrolment", Fault::kClient);
  is_enrolling_ = true;
  wire::pb::EnrolRequest in;
  YZ_CHECK(wire::parse(frame.body, in));
  YZ_TRY(const Role role, wire::from_wire(in.role()));
  EnrolRequest request{std::move(*in.mutable_token_secret()), {},    std::move(*in.mutable_request_pem()), role,
                       std::move(*in.mutable_name()),         peer()};
  PeerIdentity asking;
  if (!link_->stream().peer_certificates().empty()) {
    YZ_TRY(asking, identify());
  } else if (request.token_secret.empty()) {
    return fail(Code::kUnauthenticated, "neither a join token nor a client certificate", Fault::kClient);
  }
  if (request.token_secret.empty()) request.renewing = asking.node;
  if (asking.is_relay) {
    if (request.token_secret.empty() && in.renewing() > 0) request.renewing = model::NodeId{in.renewing()};
    if (!in.peer().empty()) request.peer = in.peer() + " through " + request.peer;
  }
  host_.events().on_enrol(std::move(request), [self = shared_from_this()](const Result<EnrolAnswer>& answer) {
    self->answer_enrolment(answer);
  });
  return {};
}

void ServerSession::answer_enrolment(const Result<EnrolAnswer>& answer) {
  if (!answer) {
    end(answer.error());
    return;
  }
  wire::pb::EnrolResponse out;
  out.set_node_id(answer->node.value);
  out.set_certificate_pem(answer->certificate_pem);
  out.set_ca_pem(answer->ca_pem);
  {
    const std::lock_guard lock(mutex_);
    extra_.push_back(wire::to_frame(FrameKind::kEnrol, out));
  }
  wake_.notify_all();
}

// ---- what goes

bool ServerSession::send(ControlMessage message) {
  bool has_room = false;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return false;
    if (const auto* welcome = std::get_if<Welcome>(&message)) {
      queue_.push_first(*welcome);
      has_room = is_welcomed_ = true;
    } else {
      has_room = queue_.push(std::move(message));
    }
  }
  if (!has_room) {
    end(Error{Code::kLimit, Fault::kClient, true, "too many messages wait for this node"});
    return false;
  }
  wake_.notify_all();
  return true;
}

void ServerSession::close(std::string reason) { end(Error{Code::kUnavailable, Fault::kSelf, true, std::move(reason)}); }

void ServerSession::end(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = error;
  }
  wake_.notify_all();
}

NodeSession::QueueState ServerSession::queue() const {
  const std::lock_guard lock(mutex_);
  return queue_.state();
}

io::Task<void> ServerSession::write_until_end() {
  for (;;) {
    const io::Waiters::Ticket ticket = wake_.ticket();
    Outgoing out = next_frames();
    if (!out.frames.empty()) {
      if (!co_await link_->write(std::move(out.frames))) {
        link_->cut();
        co_return;
      }
      if (!out.is_last) continue;
      link_->stream().shutdown_write();
      co_return;
    }
    settle_behind();
    (void)co_await wake_.wait(ticket, io::kNoDeadline);
  }
}

ServerSession::Outgoing ServerSession::next_frames() {
  const std::lock_guard lock(mutex_);
  Outgoing out;
  out.frames = std::exchange(extra_, {});
  if (ending_) {
    out.frames.push_back(wire::end_frame(*ending_));
    out.is_last = true;
    return out;
  }
  if (!is_welcomed_) return out;
  for (std::size_t size = 0; size < kMaxGathered;) {
    auto frame = queue_.next();
    if (!frame) break;
    out.frames.push_back(wire::to_frame(frame->message, frame->slice));
    size += out.frames.back().size();
  }
  return out;
}

void ServerSession::settle_behind() {
  const std::lock_guard event_lock(event_mutex_);
  std::optional<Behind> behind;
  {
    const std::lock_guard lock(mutex_);
    if (!ending_) behind = queue_.take_behind();
  }
  if (behind && !is_reported_) host_.events().on_behind(shared_from_this(), *behind);
}

// ---- its end

void ServerSession::report_closed() {
  std::string reason = "the session ended";
  {
    const std::lock_guard lock(mutex_);
    if (ending_) reason = ending_->message;
  }
  const std::lock_guard event_lock(event_mutex_);
  if (std::exchange(is_reported_, true) || !is_opened_) return;
  host_.events().on_closed(shared_from_this(), reason);
}

void ServerSession::look_at_clock(WallTime wall) {
  const NodeServerOptions& options = host_.options();
  const MonoTime now = io::Reactor::current().now();
  bool is_ending = false;
  {
    const std::lock_guard lock(mutex_);
    is_ending = ending_.has_value();
    if (is_ending && !cut_at_) cut_at_ = now + kEndGrace;
  }
  if (is_ending) {
    if (link_ && now >= *cut_at_) link_->cut();
    return;
  }
  if (identity_.node && wall >= identity_.not_after) {
    end(Error{Code::kUnauthenticated, Fault::kClient, false, "the node's certificate has expired"});
  } else if (is_first_frame_ && now >= begun_ + options.hello_timeout) {
    end(Error{Code::kTimeout, Fault::kClient, true, "no Hello in time"});
  } else if (is_enrolling_ && now >= begun_ + kMaxEnrolment) {
    end(Error{Code::kTimeout, Fault::kClient, true, "the enrolment took too long"});
  } else if (link_ && now >= link_->heard() + options.keepalive_time + options.keepalive_timeout) {
    end(Error{Code::kTimeout, Fault::kClient, true, "the node is silent"});
  } else if (link_ && !is_pinged_ && now >= link_->heard() + options.keepalive_time) {
    is_pinged_ = true;
    {
      const std::lock_guard lock(mutex_);
      extra_.push_back(wire::bare_frame(FrameKind::kPing));
    }
    wake_.notify_all();
  }
}

}  // namespace yz::rpc
