#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "base/ip.h"
#include "base/result.h"
#include "http/status.h"
#include "io/task.h"

namespace yz::io {
class Reactor;
}

namespace yz::net {

/// What carries one exchange on a connection that carries many at once (HTTP/2): heads and bodies as messages, framed
/// and scheduled below. HTTP/1 needs none: there an Exchange writes to its connection itself. One response at a time;
/// everything on the reactor's thread. Outlives its exchange's handler.
class ExchangeStream {
 public:
  ExchangeStream() = default;
  virtual ~ExchangeStream() = default;
  ExchangeStream(const ExchangeStream&) = delete;
  ExchangeStream& operator=(const ExchangeStream&) = delete;

  [[nodiscard]] virtual const Endpoint& peer() const = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;
  [[nodiscard]] virtual bool is_tls() const = 0;
  [[nodiscard]] virtual std::string_view tls_server_name() const = 0;
  [[nodiscard]] virtual io::Reactor& reactor() const = 0;
  /// Bytes of this exchange's frames so far.
  [[nodiscard]] virtual std::uint64_t bytes_out() const = 0;

  /// Sends a head: `head` is a status line (ignored) and field lines as in HTTP/1.1, each piece of whole lines with
  /// their CRLF. Content-Length is added when `length` is given. Taken at once. `ends`: there is no body.
  virtual void send_head(http::StatusCode status, std::span<const iovec> head, std::optional<std::uint64_t> length,
                         bool ends) = 0;
  /// Sends pieces of the body, which stay as they are (array and bytes) until is_sent(). `ends`: they are the last.
  virtual void send_body(std::span<iovec> pieces, bool ends) = 0;
  /// True when nothing given is left to take, or nothing more will be taken because the stream is gone.
  [[nodiscard]] virtual bool is_sent() const = 0;
  /// Resumes `waiter` once is_sent().
  virtual void wait_sent(std::coroutine_handle<> waiter) = 0;
  /// The waiter is being destroyed, and with it what it gave.
  virtual void forget_waiter() noexcept = 0;
  /// How sending went; a failure means that the stream is gone.
  [[nodiscard]] virtual Status outcome() const = 0;

  /// As Exchange::read_body.
  [[nodiscard]] virtual io::Task<Result<std::size_t>> read_body(std::span<char> into) = 0;
};

}  // namespace yz::net
