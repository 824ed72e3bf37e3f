#include "net/sse.h"

#include "base/text.h"

namespace yz::net {

io::Task<Status> SseStream::open() {
  exchange_.begin(
      200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}, {});
  co_return co_await exchange_.flush();
}

io::Task<Status> SseStream::send(std::string_view event, std::string_view data, std::string_view id) {
  // The text lives in this coroutine's frame while it is written.
  return [](Exchange& exchange, std::string text) -> io::Task<Status> { co_return co_await exchange.send(text); }(
                                                      exchange_, format(event, data, id));
}

io::Task<Status> SseStream::ping() { co_return co_await exchange_.send(":\n\n"); }

io::Task<Status> SseStream::close() { co_return co_await exchange_.finish(); }

std::string_view SseStream::last_event_id(const Exchange& exchange) {
  const auto* field = exchange.request().fields.find("Last-Event-ID");
  return field == nullptr ? std::string_view() : field->value;
}

std::string SseStream::format(std::string_view event, std::string_view data, std::string_view id) {
  YZ_ASSERT(event.find_first_of("\r\n") == std::string_view::npos &&
            id.find_first_of("\r\n") == std::string_view::npos);
  std::string text;
  if (!event.empty()) text.append("event: ").append(event).append("\n");
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  for (std::string_view line : split(data, '\n')) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    text.append("data: ").append(line).append("\n");
  }
  text += "\n";
  return text;
}

}  // namespace yz::net
