#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nats/nats.h>

#include "base/freed.h"
#include "base/result.h"
#include "bus/nats_tls.h"

namespace yz::bus {

using NatsOptions = std::unique_ptr<natsOptions, Freed<natsOptions_Destroy>>;

/// How the servers of a URL are connected to; `tls` counts for `tls://` alone. Fails, never with the URL in its
/// message: kInvalid for it or what a file of `tls` holds, kNotFound, kPermission, kIo for one that cannot be read.
[[nodiscard]] Result<NatsOptions> nats_options(const std::string& url, const NatsTls& tls);

/// The failure of a request: kTimeout, or kUnavailable for all else.
[[nodiscard]] tl::unexpected<Error> nats_failed(std::string_view what, natsStatus status);

/// One connection, with JetStream on it. Once it broke it stays closed: whoever wants another makes another. Any
/// thread.
class NatsSession final {
 public:
  /// One attempt at each server; blocks for 2 s a server at most, but for a TLS handshake in which a server falls
  /// silent: the library gives that no deadline. Fails with kUnavailable, the reason and the setting to look at.
  [[nodiscard]] static Result<std::shared_ptr<NatsSession>> connect(natsOptions* options);

  [[nodiscard]] bool is_connected() const;
  [[nodiscard]] natsConnection* connection() const { return connection_.get(); }
  [[nodiscard]] jsCtx* js() const { return js_.get(); }

 private:
  NatsSession() = default;
  std::unique_ptr<natsConnection, Freed<natsConnection_Destroy>> connection_;
  std::unique_ptr<jsCtx, Freed<jsCtx_Destroy>> js_;
};

}  // namespace yz::bus
