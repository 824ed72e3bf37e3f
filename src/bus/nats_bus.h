#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bus/bus.h"
#include "bus/nats_tls.h"

namespace yz::bus {

class NatsLink;

/// A bus over NATS JetStream, shared by all processes that name the same account of the same servers: one stream on
/// disk per topic (kept as the embedded engine keeps its: 7 days, 1 GiB), whose sequence is the offset. Outlives the
/// servers: while none answers publish() fails, and subscriptions go on where they were when one is back, also when it
/// lost the stream (they follow the new one from its first message). A message larger than the server's max_payload is
/// refused with kLimit.
class NatsBus final : public Bus {
 public:
  /// `nats://[user:password@]host[:port]`, several after commas; with `tls://` all of them are spoken to over TLS 1.2
  /// or newer, and each must show a certificate for the name or address it has there. A server that cannot be reached
  /// or trusted is tried again in the background, and why is logged. Fails with kInvalid, or as the files of `tls` do.
  [[nodiscard]] static Result<std::unique_ptr<NatsBus>> open(std::string_view url, const NatsTls& tls = {});
  /// Whether open() would take the URL; connects to nothing. Never repeats a password.
  [[nodiscard]] static Status check_url(std::string_view url);
  ~NatsBus() override;

  Result<Offset> publish(std::string_view topic, std::string_view bytes) override;
  Result<std::unique_ptr<Subscription>> subscribe(std::string_view topic, Offset from, Callback callback) override;
  [[nodiscard]] bool is_shared() const override { return true; }
  Result<Offset> head(std::string_view topic) override;
  Result<Offset> oldest(std::string_view topic) override;

 private:
  explicit NatsBus(std::unique_ptr<NatsLink> link);
  std::unique_ptr<NatsLink> link_;
};

}  // namespace yz::bus
