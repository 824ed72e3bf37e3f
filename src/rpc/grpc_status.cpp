#include "rpc/grpc_status.h"

#include <mutex>

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>

#include "base/log.h"

namespace yz::rpc {
namespace {

struct Pair {
  Code code;
  grpc::StatusCode status;
};
// The first pair with a status is the way back.
constexpr Pair kPairs[] = {
    {Code::kInvalid, grpc::StatusCode::INVALID_ARGUMENT},
    {Code::kNotFound, grpc::StatusCode::NOT_FOUND},
    {Code::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS},
    {Code::kConflict, grpc::StatusCode::FAILED_PRECONDITION},
    {Code::kConflict, grpc::StatusCode::ABORTED},
    {Code::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED},
    {Code::kPermission, grpc::StatusCode::PERMISSION_DENIED},
    {Code::kLimit, grpc::StatusCode::RESOURCE_EXHAUSTED},
    {Code::kTimeout, grpc::StatusCode::DEADLINE_EXCEEDED},
    {Code::kUnavailable, grpc::StatusCode::UNAVAILABLE},
    {Code::kCancelled, grpc::StatusCode::CANCELLED},
    {Code::kCorrupt, grpc::StatusCode::DATA_LOSS},
    {Code::kUnsupported, grpc::StatusCode::UNIMPLEMENTED},
};

}  // namespace

grpc::Status to_grpc(const Error& error) {
  for (const Pair& pair : kPairs) {
    if (pair.code == error.code) return {pair.status, error.message};
  }
  return {grpc::StatusCode::INTERNAL, error.message};
}

Error from_grpc(const grpc::Status& status) {
  Error error;
  for (const Pair& pair : kPairs) {
    if (pair.status == status.error_code()) {
      error.code = pair.code;
      break;
    }
  }
  error.retryable = error.code == Code::kUnavailable || error.code == Code::kTimeout;
  error.message = status.error_message().empty() ? "the session ended" : status.error_message();
  return error;
}

void set_up_grpc() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function([](gpr_log_func_args* line) { log::debug("gRPC: {}", line->message); });
    // Debian's Abseil is a debugging build: it keeps a graph of which lock is taken while which is held.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  });
}

}  // namespace yz::rpc
