#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "io/reactor.h"
#include "io/task.h"

namespace yz::cli {

/// Where a control plane is and who asks.
struct ApiTarget {
  std::string url;    ///< "http://127.0.0.1:7080"
  std::string token;  ///< bearer token
};

/// The control plane's REST API (api/openapi.yaml) for commands: JSON in, JSON out, connections kept. One reactor's
/// thread. Failures carry the problem's detail (RFC 9457) and, where given, each pointer with what was expected there;
/// their code follows the status: 404 kNotFound, 409 and 412 kConflict, 401 kUnauthenticated, 403 kPermission, 4xx
/// kInvalid, 5xx and an unreachable control kUnavailable.
class ApiClient {
 public:
  ApiClient(io::Reactor& reactor, ApiTarget target);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  [[nodiscard]] const ApiTarget& target() const { return target_; }
  void set_target(ApiTarget target) { target_ = std::move(target); }

  /// `path` below the root with its query: "/api/v1/domains?name=www.a.com". A success without a body gives null.
  [[nodiscard]] io::Task<Result<nlohmann::json>> get(std::string path);
  /// With a fresh Idempotency-Key, so that a retry by the connection pool does nothing twice.
  [[nodiscard]] io::Task<Result<nlohmann::json>> post(std::string path, nlohmann::json body);
  /// Whatever version is there is changed (If-Match: *).
  [[nodiscard]] io::Task<Result<nlohmann::json>> patch(std::string path, nlohmann::json body);
  [[nodiscard]] io::Task<Result<nlohmann::json>> remove(std::string path);

  /// Every item of a list, over all its pages.
  [[nodiscard]] io::Task<Result<nlohmann::json>> list(std::string path);
  /// The one item of a list with this name, or else with this id. Fails with kNotFound: "there is no domain 'x'".
  [[nodiscard]] io::Task<Result<nlohmann::json>> find(std::string path, std::string name_or_id);
  /// Asks for a task until it is final; `every` is the pause between. Fails with kTimeout.
  [[nodiscard]] io::Task<Result<nlohmann::json>> wait_for_task(std::uint64_t id, std::chrono::milliseconds every,
                                                               std::chrono::milliseconds timeout);
  /// A file by a signed link, whole and as it is, without the token. At most 2 GiB.
  [[nodiscard]] io::Task<Result<std::string>> download(std::string path);

 private:
  [[nodiscard]] io::Task<Result<nlohmann::json>> call(std::string method, std::string path, std::string body);
  struct Connections;

  io::Reactor& reactor_;
  ApiTarget target_;
  std::unique_ptr<Connections> connections_;
};

}  // namespace yz::cli
