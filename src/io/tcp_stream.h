#pragma once

#include <string>

#include "io/stream.h"
#include "io/task.h"

namespace yz::io {

/// A TCP connection, a unix stream socket or one end of a pipe. Closed when destroyed.
class TcpStream final : public Stream {
 public:
  TcpStream() = default;  ///< not open
  /// Takes a connected, non-blocking descriptor. `peer` is 0.0.0.0:0 for anything but TCP.
  TcpStream(Reactor& reactor, UniqueFd fd, const Endpoint& peer = {});
  TcpStream(TcpStream&&) noexcept = default;
  TcpStream& operator=(TcpStream&& other) noexcept;
  ~TcpStream() override { close(); }

  [[nodiscard]] const Endpoint& peer() const { return peer_; }
  /// Our side's address; 0.0.0.0:0 for a unix socket.
  [[nodiscard]] Endpoint local() const;
  void shutdown_write() noexcept override;
  void expect_messages() override { watch_->receive_ahead(); }
  /// Closes now; nothing may wait on the stream. What write_soon() took still reaches the peer.
  void close() noexcept;
  /// Gives the descriptor and its watch away, to be wrapped by another kind of stream; nothing may wait on it, and
  /// neither expect_messages() nor write_soon() were used.
  [[nodiscard]] std::unique_ptr<Watch> release() && { return std::move(watch_); }
  /// Gives the descriptor away, on the same conditions.
  [[nodiscard]] UniqueFd release_fd() &&;
  /// Closes with a reset (RST) instead of FIN: the peer cannot take what it got for a complete answer.
  void reset_connection() noexcept;

 private:
  ssize_t try_read(std::span<char> into) noexcept override;
  ssize_t try_write(std::span<const iovec> from) noexcept override;
  ssize_t try_write_soon(std::span<const iovec> from) noexcept override;
  ssize_t try_write_with_more(std::span<const iovec> from) noexcept override;
  ssize_t try_send_file(int file, std::uint64_t offset, std::size_t size) noexcept override;
  std::optional<ssize_t> try_send_mapped(std::string_view bytes) noexcept override;
  Endpoint peer_;
};

/// Connects over TCP from the current reactor. Fails with kTimeout, or kUnavailable when refused or unreachable.
[[nodiscard]] Task<Result<TcpStream>> connect(Endpoint endpoint, MonoTime deadline);
/// Connects to a unix stream socket ('@name': abstract). Fails with kNotFound, kUnavailable or kTimeout.
[[nodiscard]] Task<Result<TcpStream>> connect_unix(std::string path, MonoTime deadline);

}  // namespace yz::io
