#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "base/server_for_test.h"
#include "bus/nats_tls.h"

namespace yz::bus {

/// A real NATS server with JetStream in its own temporary folder, on a free port of 127.0.0.1, with one account; ended
/// with its object. Tests only.
class NatsServer final {
 public:
  enum class Speaks : std::uint8_t {
    kPlain,
    kTls,      ///< with a certificate for 127.0.0.1 of an authority of its own
    kTlsToUs,  ///< and only to who shows a certificate of that authority
  };

  /// Fails with kNotFound, naming the Debian package, when nats-server is not installed.
  [[nodiscard]] static Result<std::unique_ptr<NatsServer>> start(Speaks speaks = Speaks::kPlain);

  /// `nats://…` or `tls://…`, password included; `host` as the client calls it.
  [[nodiscard]] std::string url(std::string_view host = "127.0.0.1") const;
  /// What to speak to it with.
  [[nodiscard]] NatsTls tls() const;
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
  Status make_certificates() const;
  [[nodiscard]] Status sign(const std::string& name, const std::string& subject) const;
  [[nodiscard]] std::string file(std::string_view name) const { return (folder_.path() / name).native(); }

  const TempFolder folder_{"yz-nats"};
  Speaks speaks_ = Speaks::kPlain;
  std::string program_;
  std::uint16_t port_ = 0;
  ServerForTest process_;
};

}  // namespace yz::bus
