#pragma once

#include <string>
#include <string_view>

#include "net/exchange.h"

namespace yz::net {

/// A stream of server-sent events (WHATWG HTML §9.2) as the answer to an exchange. One coroutine at a time.
class SseStream {
 public:
  explicit SseStream(Exchange& exchange) : exchange_(exchange) {}

  /// Sends the head: text/event-stream, no-store. Fails when the client is gone, as the others do.
  [[nodiscard]] io::Task<Status> open();
  /// One event. `data` may have several lines; `event` and `id` may be empty and hold no line ends.
  [[nodiscard]] io::Task<Status> send(std::string_view event, std::string_view data, std::string_view id = {});
  /// A comment line: keeps proxies from closing an idle stream, and finds out that the client is gone.
  [[nodiscard]] io::Task<Status> ping();
  [[nodiscard]] io::Task<Status> close();

  /// The Last-Event-ID the client came back with; empty when it is new.
  [[nodiscard]] static std::string_view last_event_id(const Exchange& exchange);
  /// The bytes of one event.
  [[nodiscard]] static std::string format(std::string_view event, std::string_view data, std::string_view id);

 private:
  Exchange& exchange_;
};

}  // namespace yz::net
