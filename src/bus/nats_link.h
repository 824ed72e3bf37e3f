#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include <nats/nats.h>

#include "base/clock.h"
#include "base/freed.h"
#include "base/result.h"
#include "bus/bus.h"

namespace yz::bus {

using NatsMessage = std::unique_ptr<natsMsg, Freed<natsMsg_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, Freed<natsSubscription_Destroy>>;

/// A connection to NATS that is made in the background and again whenever it broke, and what JetStream is asked over
/// it. Every call fails with kUnavailable at once while no server is connected, with kTimeout after two seconds without
/// an answer; for a moment after that nothing is published, so that nobody waits for a server that hangs. Any thread.
class NatsLink final {
 public:
  /// A stream as it is now; `created` is 0 when there is none.
  struct Stream {
    std::int64_t created = 0;  ///< ns since 1970: another stream of the same name has another
    Offset first{1};
    Offset last;
  };

  /// Fails with kInvalid: the URL, which no message repeats.
  [[nodiscard]] static Result<std::unique_ptr<NatsLink>> open(const std::string& url);
  ~NatsLink();
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;

  [[nodiscard]] Result<Stream> find(const std::string& stream);
  /// Makes the stream when nobody has. Fails with kLimit when the message is larger than the server takes.
  Result<Offset> publish(const std::string& stream, std::string_view bytes);
  /// A consumer of its own from a place on, which the server forgets with the connection. Makes the stream as well.
  Result<NatsSubscription> consume(const std::string& stream, Offset from);

 private:
  NatsLink() = default;
  [[nodiscard]] Status check_connected() const;
  Status ensure(const std::string& stream);
  void forget(const std::string& stream);

  natsConnection* connection_ = nullptr;
  jsCtx* js_ = nullptr;
  std::atomic<MonoTime> silent_until_{MonoTime()};
  std::mutex mutex_;
  std::set<std::string> known_;  // streams that were there
};

}  // namespace yz::bus
