#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/server_for_test.h"

namespace yz::bus {

/// A real NATS server with JetStream in its own temporary folder, on a free port of 127.0.0.1, with one account; ended
/// with its object. Tests only.
class NatsServer final {
 public:
  /// Fails with kNotFound, naming the Debian package, when nats-server is not installed.
  [[nodiscard]] static Result<std::unique_ptr<NatsServer>> start();

  /// `nats://…`, password included.
  [[nodiscard]] std::string url() const;
  /// SIGKILL.
  void kill() { process_.kill(); }
  /// SIGSTOP and SIGCONT: in between it hangs.
  void freeze() const { process_.freeze(); }
  void thaw() const { process_.thaw(); }
  /// Starts it again on the same port and data; blocks until it takes connections.
  Status restart();
  /// While it is not running: everything it kept is gone.
  void lose_data() const;

 private:
  NatsServer() = default;
  Status launch();

  const TempFolder folder_{"yz-nats"};
  std::string program_;
  std::uint16_t port_ = 0;
  ServerForTest process_;
};

}  // namespace yz::bus
