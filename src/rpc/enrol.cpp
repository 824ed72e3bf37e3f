#include <chrono>
#include <optional>
#include <utility>

#include "io/reactor.h"
#include "rpc/channel.h"
#include "rpc/link.h"
#include "rpc/node_client.h"

namespace yz::rpc {
namespace {

using namespace std::chrono_literals;

/// One request and its answer over a connection of its own.
io::Task<Result<wire::pb::EnrolResponse>> ask(std::unique_ptr<net::TlsStream> stream, wire::pb::EnrolRequest request,
                                              MonoTime deadline) {
  Link link(std::move(stream), kMaxFirstFrame);
  std::optional<Result<wire::pb::EnrolResponse>> answer;
  const auto on_frame = [&answer](const Frame& frame) -> Status {
    if (frame.kind == FrameKind::kEnrol) {
      wire::pb::EnrolResponse response;
      YZ_CHECK(wire::parse(frame.body, response));
      answer = std::move(response);
      return fail(Code::kCancelled, "answered");
    }
    if (frame.kind == FrameKind::kEnd) {
      YZ_TRY(Error why, wire::read_end(frame.body));
      return fail(std::move(why));
    }
    return {};
  };
  io::TaskScope watch;
  const auto cut_at_deadline = [](Link& late, MonoTime when) -> io::Task<void> {
    co_await io::sleep_until(when);
    late.cut();
  };
  io::Reactor& reactor = io::Reactor::current();
  reactor.spawn_into(watch, cut_at_deadline(link, deadline));
  std::vector<OutFrame> frames;
  frames.push_back(wire::to_frame(FrameKind::kEnrol, request));
  YZ_CO_CHECK(co_await link.write(std::move(frames)));
  const Status read = co_await link.read(on_frame);
  if (answer) co_return *std::move(answer);
  if (reactor.now() >= deadline) co_return fail(Code::kTimeout, "control did not answer in time");
  if (!read) co_return fail(read.error());
  co_return fail(Code::kUnavailable, "control closed the connection without an answer");
}

io::Task<Result<NodeIdentity>> request_certificate(std::string control, std::vector<Endpoint> addresses, KeyPair own,
                                                   wire::pb::EnrolRequest request, std::string ca_pem,
                                                   MonoTime deadline) {
  YZ_CO_TRY(KeyAndRequest made, make_key_and_request());
  request.set_request_pem(made.request_pem);
  YZ_CO_TRY(auto stream, co_await connect_control(control, std::move(addresses), ca_pem, std::move(own), deadline));
  YZ_CO_TRY(const wire::pb::EnrolResponse response, co_await ask(std::move(stream), std::move(request), deadline));

  NodeIdentity identity;
  identity.node = model::NodeId{response.node_id()};
  identity.pair = {std::move(made.key_pem), response.certificate_pem()};
  identity.ca_pem = std::move(ca_pem);
  YZ_CO_CHECK(verify_pair(identity.pair, identity.ca_pem));
  YZ_CO_TRY(const PeerIdentity named, identity_of(identity.pair.certificate_pem));
  if (named.node != identity.node) co_return fail(Code::kCorrupt, "control issued a certificate for another node");
  co_return identity;
}

io::Task<Result<EnrolAnswer>> forward(std::string control, std::vector<Endpoint> addresses, NodeIdentity relay,
                                      wire::pb::EnrolRequest request, MonoTime deadline) {
  YZ_CO_TRY(auto stream,
            co_await connect_control(control, std::move(addresses), relay.ca_pem, std::move(relay.pair), deadline));
  YZ_CO_TRY(wire::pb::EnrolResponse response, co_await ask(std::move(stream), std::move(request), deadline));
  co_return EnrolAnswer{model::NodeId{response.node_id()}, std::move(*response.mutable_certificate_pem()),
                        std::move(*response.mutable_ca_pem())};
}

io::Task<Result<NodeIdentity>> join(EnrolOptions options, JoinToken token, std::vector<Endpoint> addresses) {
  const MonoTime deadline = io::Reactor::current().in(options.timeout);
  YZ_CO_TRY(std::string ca_pem, co_await fetch_ca(options.control, addresses, token.ca_fingerprint, deadline));
  wire::pb::EnrolRequest request;
  request.set_token_secret(token.secret);
  request.set_role(wire::to_wire(options.role));
  request.set_name(options.name);
  co_return co_await request_certificate(options.control, std::move(addresses), {}, std::move(request),
                                         std::move(ca_pem), deadline);
}

}  // namespace

Result<NodeIdentity> enrol(const EnrolOptions& options) {
  YZ_TRY(const JoinToken token, parse_join_token(options.token));
  YZ_TRY(auto addresses, resolve_control(options.control));
  io::Reactor reactor(io::Backend::kEpoll);
  return reactor.block_on(join(options, token, std::move(addresses)));
}

Result<EnrolAnswer> forward_enrolment(const std::string& control, const NodeIdentity& relay,
                                      const EnrolRequest& request, std::chrono::milliseconds timeout) {
  wire::pb::EnrolRequest out;
  out.set_token_secret(request.token_secret);
  out.set_request_pem(request.request_pem);
  out.set_role(wire::to_wire(request.role));
  out.set_name(request.name);
  out.set_renewing(request.renewing.value);
  out.set_peer(request.peer);
  YZ_TRY(auto addresses, resolve_control(control));
  io::Reactor reactor(io::Backend::kEpoll);
  return reactor.block_on(forward(control, std::move(addresses), relay, std::move(out), reactor.in(timeout)));
}

Result<NodeIdentity> renew(const std::string& control, const NodeIdentity& current, std::chrono::milliseconds timeout) {
  wire::pb::EnrolRequest request;
  request.set_role(wire::pb::ROLE_EDGE);
  YZ_TRY(auto addresses, resolve_control(control));
  io::Reactor reactor(io::Backend::kEpoll);
  YZ_TRY(NodeIdentity renewed,
         reactor.block_on(request_certificate(control, std::move(addresses), current.pair, std::move(request),
                                              current.ca_pem, reactor.in(timeout))));
  if (renewed.node != current.node) return fail(Code::kCorrupt, "control renewed another node's certificate");
  return renewed;
}

}  // namespace yz::rpc
