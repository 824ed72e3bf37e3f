#include "control/enrolment.h"

#include <utility>

#include "base/log.h"
#include "control/node_hub.h"
#include "store/audit_log.h"
#include "store/join_token_store.h"

namespace yz::control {
namespace {

/// As join tokens have it.
std::string_view name_of(rpc::Role role) {
  switch (role) {
    case rpc::Role::kEdge:
      return "edge";
    case rpc::Role::kScheduler:
      return "scheduler";
    case rpc::Role::kRelay:
      return "relay";
  }
  return "";
}

}  // namespace

void Enrolment::enrol(rpc::EnrolRequest request, rpc::NodeServerEvents::EnrolReply reply) {
  auto queued = pool_.submit([this, request = std::move(request), reply] { reply(answer(request)); });
  if (!queued) reply(fail(std::move(queued).error()));
}

Result<rpc::EnrolAnswer> Enrolment::answer(const rpc::EnrolRequest& request) {
  const WallTime now = clock_.wall();
  Result<model::NodeId> node = request.renewing ? Result<model::NodeId>(request.renewing) : redeem(request, now);
  if (!node) {
    log::warn("enrolment from {} refused: {}", request.peer, node.error().message);
    return fail(std::move(node).error());
  }
  if (node->value < kFirstSchedulerId && state_.current()->nodes.find(*node) == nullptr) {
    return fail(Code::kPermission, "there is no node " + to_string(*node), Fault::kClient);
  }
  const bool is_relay = node->value >= kFirstRelayId;
  const auto use = is_relay ? rpc::CertificateUse::kRelay : rpc::CertificateUse::kNode;
  YZ_TRY(std::string certificate, rpc::sign_request(ca_, request.request_pem, *node, now, kLifetime, use));
  log::info("certificate given to {} {} at {}",
            is_relay                           ? "relay"
            : node->value >= kFirstSchedulerId ? "scheduler"
                                               : "node",
            node->value, request.peer);
  return rpc::EnrolAnswer{*node, std::move(certificate), ca_.certificate_pem};
}

/// The token is used up only together with an answer that can be given: what can be wrong with the request is checked
/// by signing it once before.
Result<model::NodeId> Enrolment::redeem(const rpc::EnrolRequest& request, WallTime now) {
  YZ_CHECK(rpc::sign_request(ca_, request.request_pem, model::NodeId{1}, now, kLifetime));
  return database_.write([&](store::Transaction& tx) -> Result<model::NodeId> {
    YZ_TRY(const store::JoinToken token, store::JoinTokenStore(tx).redeem(request.token_secret, request.peer, now));
    if (token.role != name_of(request.role)) {
      return fail(Code::kPermission, "the join token is for the role " + token.role, Fault::kClient);
    }
    if (token.node) return token.node;
    return model::NodeId{(request.role == rpc::Role::kRelay ? kFirstRelayId : kFirstSchedulerId) + token.id.value};
  });
}

}  // namespace yz::control
