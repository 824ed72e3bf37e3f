#include <chrono>
#include <utility>

#include <grpcpp/client_context.h>

#include "rpc/channel.h"
#include "rpc/grpc_status.h"
#include "rpc/node_client.h"
#include "rpc/wire.h"
#include "yizhan/v1/node.grpc.pb.h"

namespace yz::rpc {
namespace {

Result<NodeIdentity> request_certificate(grpc::Channel& channel, wire::pb::EnrolRequest request, std::string ca_pem,
                                         std::chrono::milliseconds timeout) {
  YZ_TRY(KeyAndRequest own, make_key_and_request());
  request.set_request_pem(own.request_pem);

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  wire::pb::EnrolResponse response;
  wire::pb::NodeChannel::Stub stub(std::shared_ptr<grpc::ChannelInterface>(&channel, [](grpc::ChannelInterface*) {}));
  const grpc::Status status = stub.Enrol(&context, request, &response);
  if (!status.ok()) return fail(from_grpc(status));

  NodeIdentity identity;
  identity.node = model::NodeId{response.node_id()};
  identity.pair = {std::move(own.key_pem), response.certificate_pem()};
  identity.ca_pem = std::move(ca_pem);
  YZ_CHECK(verify_pair(identity.pair, identity.ca_pem));
  YZ_TRY(const PeerIdentity named, identity_of(identity.pair.certificate_pem));
  if (named.node != identity.node) return fail(Code::kCorrupt, "control issued a certificate for another node");
  return identity;
}

}  // namespace

Result<NodeIdentity> enrol(const EnrolOptions& options) {
  YZ_TRY(const JoinToken token, parse_join_token(options.token));
  YZ_TRY(std::string ca_pem, fetch_ca(options.control, token.ca_fingerprint, options.timeout));
  wire::pb::EnrolRequest request;
  request.set_token_secret(token.secret);
  request.set_role(wire::to_wire(options.role));
  request.set_name(options.name);
  const auto channel = make_channel(options.control, ca_pem, nullptr);
  return request_certificate(*channel, std::move(request), ca_pem, options.timeout);
}

Result<NodeIdentity> renew(const std::string& control, const NodeIdentity& current, std::chrono::milliseconds timeout) {
  wire::pb::EnrolRequest request;
  request.set_role(wire::pb::ROLE_EDGE);
  const auto channel = make_channel(control, current.ca_pem, &current.pair);
  YZ_TRY(NodeIdentity renewed, request_certificate(*channel, std::move(request), current.ca_pem, timeout));
  if (renewed.node != current.node) return fail(Code::kCorrupt, "control renewed another node's certificate");
  return renewed;
}

}  // namespace yz::rpc
