#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strong_id.h"

namespace yz::bus {

/// A place in a topic: 1 for its first message, then without gaps. 0 is before the first.
using Offset = StrongId<struct OffsetTag>;

struct Message {
  Offset offset;
  std::string_view bytes;  ///< valid during the callback
};

/// Ends its subscription when it goes: after the destructor returned the callback does not run any more. Do not destroy
/// it from inside its own callback.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

/// Publish and subscribe with replay, between control instances and their parts. At least once and in order for each
/// topic; consumers keep their own offset. Any thread may call.
class Bus {
 public:
  using Callback = std::function<void(const Message&)>;

  virtual ~Bus() = default;

  /// Appends a message; durable as the implementation promises once this returns. Fails with kLimit (message larger
  /// than 4 MiB, disk full), kInvalid (topic name: [a-z0-9._-]{1,64}, not starting with a dot), kIo, kUnavailable.
  virtual Result<Offset> publish(std::string_view topic, std::string_view bytes) = 0;

  /// Runs `callback` on a thread of the bus, one message at a time, for each message from offset `from` on, those
  /// already there first. When `from` is older than what is kept it starts at the oldest kept: `Message::offset` shows
  /// the gap.
  virtual Result<std::unique_ptr<Subscription>> subscribe(std::string_view topic, Offset from, Callback callback) = 0;

  /// Whether other processes take part.
  [[nodiscard]] virtual bool is_shared() const = 0;

  /// The last offset given; 0 for a topic nobody published to.
  virtual Result<Offset> head(std::string_view topic) = 0;
  /// The oldest offset kept; head + 1 when none is.
  virtual Result<Offset> oldest(std::string_view topic) = 0;
};

}  // namespace yz::bus
