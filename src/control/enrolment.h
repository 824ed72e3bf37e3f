#pragma once

#include "control/config_state.h"
#include "io/blocking_pool.h"
#include "rpc/node_server.h"
#include "store/database.h"

namespace yz::control {

/// Gives certificates: to holders of a join token, which is used up by it, and to enrolled nodes that renew. Any
/// thread; the work is done on the pool.
class Enrolment final {
 public:
  static constexpr std::chrono::hours kLifetime{72};

  Enrolment(const ConfigState& state, store::Database& database, io::BlockingPool& pool, const Clock& clock,
            rpc::KeyPair ca)
      : state_(state), database_(database), pool_(pool), clock_(clock), ca_(std::move(ca)) {}

  /// Answers on a thread of the pool. kUnauthenticated for a token that is unknown, used or expired, kPermission for
  /// one of the other role or a node that is gone, kInvalid for a request that cannot be signed.
  void enrol(rpc::EnrolRequest request, rpc::NodeServerEvents::EnrolReply reply);

 private:
  [[nodiscard]] Result<rpc::EnrolAnswer> answer(const rpc::EnrolRequest& request);
  [[nodiscard]] Result<model::NodeId> redeem(const rpc::EnrolRequest& request, WallTime now);

  const ConfigState& state_;
  store::Database& database_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  const rpc::KeyPair ca_;
};

}  // namespace yz::control
