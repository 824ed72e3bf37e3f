#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "io/reactor.h"
#include "io/tcp_stream.h"
#include "net/exchange.h"

namespace yz::net::testing {

inline const Endpoint kAnyLoopback{IpAddress::v4(0x7F000001), 0};

/// A handler made of a function.
class FunctionHandler final : public HttpHandler {
 public:
  using Function = std::function<io::Task<void>(Exchange&)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  io::Task<void> handle(Exchange& exchange) override { return function_(exchange); }

 private:
  Function function_;
};

/// Reads until the stream ends (or fails) or `enough` bytes came.
inline io::Task<std::string> read_up_to(io::Stream& stream, std::size_t enough) {
  std::string out;
  std::array<char, 16384> buffer;
  while (out.size() < enough) {
    const auto n = co_await stream.read(buffer, io::Reactor::current().in(std::chrono::seconds(10)));
    if (!n || *n == 0) break;
    out.append(buffer.data(), *n);
  }
  co_return out;
}

/// Connects, sends `request`, reads until the server closes.
inline io::Task<std::string> exchange_text(Endpoint server, std::string request) {
  auto stream = co_await io::connect(server, io::Reactor::current().in(std::chrono::seconds(5)));
  EXPECT_TRUE(stream);
  if (!stream) co_return "";
  EXPECT_TRUE(co_await stream->write_all(request, std::chrono::seconds(5)));
  co_return co_await read_up_to(*stream, SIZE_MAX);
}

/// How often `part` occurs.
inline std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

inline std::string body_of(std::string_view response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(response.substr(end + 4));
}

}  // namespace yz::net::testing
