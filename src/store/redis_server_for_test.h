#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/server_for_test.h"

namespace yz::store {

/// A real Redis in its own temporary folder, on a free port of 127.0.0.1, with a password; ended with its object. Tests
/// only.
class RedisServer final {
 public:
  /// Fails with kNotFound, naming the Debian package, when redis-server is not installed.
  [[nodiscard]] static Result<std::unique_ptr<RedisServer>> start();

  /// `redis://…`, password included.
  [[nodiscard]] std::string url() const;
  /// SIGKILL.
  void kill() { process_.kill(); }
  /// SIGSTOP and SIGCONT: in between it hangs.
  void freeze() const { process_.freeze(); }
  void thaw() const { process_.thaw(); }
  /// Starts it again, empty, on the same port; blocks until it takes connections.
  Status restart();

 private:
  RedisServer() = default;
  Status launch();

  const TempFolder folder_{"yz-redis"};
  std::string program_;
  std::uint16_t port_ = 0;
  ServerForTest process_;
};

}  // namespace yz::store
