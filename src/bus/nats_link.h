#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include <nats/nats.h>

#include "base/clock.h"
#include "base/freed.h"
#include "base/result.h"
#include "bus/bus.h"
#include "bus/nats_session.h"

namespace yz::bus {

using NatsMessage = std::unique_ptr<natsMsg, Freed<natsMsg_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, Freed<natsSubscription_Destroy>>;

/// A connection to NATS that is made in the background and again whenever it broke, and what JetStream is asked over
/// it. Why there is none is logged whenever the reason changes, and said by every call. Every call fails with
/// kUnavailable at once while no server is connected, with kTimeout after two seconds without an answer; for a moment
/// after that nothing is published, so that nobody waits for a server that hangs. Any thread.
class NatsLink final {
 public:
  /// A stream as it is now; `created` is 0 when there is none.
  struct Stream {
    std::int64_t created = 0;  ///< ns since 1970: another stream of the same name has another
    Offset first{1};
    Offset last;
  };

  /// Blocks for the first attempt to connect, for 2 s at most. Fails as nats_options() does.
  [[nodiscard]] static Result<std::unique_ptr<NatsLink>> open(const std::string& url, const NatsTls& tls);
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;

  [[nodiscard]] Result<Stream> find(const std::string& stream);
  /// Makes the stream when nobody has. Fails with kLimit when the message is larger than the server takes.
  Result<Offset> publish(const std::string& stream, std::string_view bytes);
  /// A consumer of its own from a place on, which the server forgets with the connection. Makes the stream as well.
  Result<NatsSubscription> consume(const std::string& stream, Offset from);

 private:
  explicit NatsLink(NatsOptions options);
  void keep_connected(const std::stop_token& stop);
  [[nodiscard]] Result<std::shared_ptr<NatsSession>> session() const;
  Status ensure(const std::string& stream);
  void forget(const std::string& stream);

  const NatsOptions options_;
  std::atomic<MonoTime> silent_until_{MonoTime()};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  /// Shared with calls under way: they end on the session they began on.
  std::shared_ptr<NatsSession> session_;
  std::string trouble_;  // why there is none; empty: there was
  bool has_tried_ = false;
  std::set<std::string> known_;  // streams that were there
  std::jthread keeper_;          // last: stops and joins first
};

}  // namespace yz::bus
