#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "base/ip.h"
#include "io/watch.h"

namespace yz::io {

class Stream;

/// Awaitable `Result<std::size_t>`: see Stream::read.
class ReadOp final : public FdOp {
 public:
  ReadOp(Stream& stream, std::span<char> into, MonoTime deadline);
  Result<std::size_t> await_resume() { return std::move(result_); }

 private:
  bool attempt() override;
  void fail_with(Error error) override { result_ = fail(std::move(error)); }
  Stream& stream_;
  std::span<char> into_;
  Result<std::size_t> result_{0};
};

/// Awaitable `Status`: see Stream::write_all.
class WriteOp final : public FdOp {
 public:
  enum class When : std::uint8_t { kNow, kSoon, kWithMore };
  WriteOp(Stream& stream, std::span<iovec> from, std::chrono::milliseconds stall, When when = When::kNow);
  /// One buffer, held by the operation itself.
  WriteOp(Stream& stream, std::string_view from, std::chrono::milliseconds stall);
  Status await_resume() { return std::move(status_); }

 private:
  bool attempt() override;
  void fail_with(Error error) override { status_ = fail(std::move(error)); }
  Stream& stream_;
  std::span<iovec> from_;
  iovec single_{};
  std::chrono::milliseconds stall_;
  MonoTime since_;
  std::uint64_t written_ = 0;
  When when_ = When::kNow;
  Status status_;
};

/// Awaitable `Status`: see Stream::send_file.
class SendFileOp final : public FdOp {
 public:
  SendFileOp(Stream& stream, int file, std::uint64_t offset, std::uint64_t size, std::chrono::milliseconds stall,
             const char* mapped);
  Status await_resume() { return std::move(status_); }

 private:
  bool attempt() override;
  [[nodiscard]] ssize_t try_once(std::uint64_t size) noexcept;
  void fail_with(Error error) override { status_ = fail(std::move(error)); }
  Stream& stream_;
  int file_;
  const char* mapped_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::chrono::milliseconds stall_;
  MonoTime since_;
  std::uint64_t written_ = 0;
  Status status_;
};

/// A connected byte stream (TCP, unix socket, pipe, TLS) on one reactor. One coroutine may read while another writes.
/// The operations try the system call first and suspend only when it would block; they allocate nothing. The awaitables
/// refer to the stream and to the caller's buffers, so co_await them where they are made:
///     YZ_CO_TRY(const std::size_t n, co_await stream.read(buffer, reactor.in(10s)));
class Stream {
 public:
  virtual ~Stream() = default;
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;

  /// Some bytes, at least one; 0 at the end of the stream. Fails with kTimeout, kUnavailable (reset), kCancelled.
  [[nodiscard]] ReadOp read(std::span<char> into, MonoTime deadline) { return {*this, into, deadline}; }
  /// Until read() would not wait. For holding no buffer meanwhile. May succeed without need; never the reverse.
  [[nodiscard]] ReadableOp readable(MonoTime deadline) { return {*watch_, deadline, has_buffered()}; }
  /// One attempt to read, without waiting: none when it would have to.
  [[nodiscard]] std::optional<Result<std::size_t>> read_now(std::span<char> into);
  /// Writes everything, in order, with as few system calls as the socket takes it in. Uses up `from` (its entries are
  /// advanced). Fails with kTimeout when nothing at all could be written for `stall`, kUnavailable when the peer is
  /// gone.
  [[nodiscard]] WriteOp write_all(std::span<iovec> from, std::chrono::milliseconds stall) {
    return {*this, from, stall};
  }
  [[nodiscard]] WriteOp write_all(std::string_view from, std::chrono::milliseconds stall) {
    return {*this, from, stall};
  }
  /// The same for a message after which the peer will speak. On io_uring a short one is copied and leaves at the end of
  /// the reactor's turn together with others, so that an error shows only at the next operation.
  [[nodiscard]] WriteOp write_soon(std::span<iovec> from, std::chrono::milliseconds stall) {
    return {*this, from, stall, WriteOp::When::kSoon};
  }
  /// The same for what more bytes follow at once, by another write or send_file: short pieces may wait for them, so
  /// that both share their packets (MSG_MORE).
  [[nodiscard]] WriteOp write_with_more(std::span<iovec> from, std::chrono::milliseconds stall) {
    return {*this, from, stall, WriteOp::When::kWithMore};
  }
  /// Says that short messages are waited for from now on: io_uring then receives them ahead. What is read meanwhile
  /// does not end it, a large message does. Costs nothing; call it before each wait.
  virtual void expect_messages() {}
  /// Sends `size` bytes of the open file from `offset` (sendfile(2) where the stream can; else through a buffer).
  /// `mapped`: where the same bytes are mapped, if they are and will not change: their pages are found faster that way
  /// than through a file in memory. Fails as write_all, and with kIo when the file ends early.
  [[nodiscard]] SendFileOp send_file(int file, std::uint64_t offset, std::uint64_t size,
                                     std::chrono::milliseconds stall, const char* mapped = nullptr) {
    return {*this, file, offset, size, stall, mapped};
  }

  /// A peer that takes less than this many bytes a second of one write or file, beyond its first `stall`, is given up
  /// (kTimeout) although it makes progress; 0, the default: none is.
  void set_least_rate(std::uint64_t bytes_per_second) { least_rate_ = bytes_per_second; }
  /// Tells the peer that no more bytes come (FIN; close_notify under TLS). Reading goes on.
  virtual void shutdown_write() noexcept = 0;
  /// Ends both directions now: operations that wait see the end of the stream or a reset.
  void shutdown_both() noexcept;

  /// Leaves its reactor, on that reactor's thread: nothing waits on it, and nothing is called until attach().
  [[nodiscard]] UniqueFd detach();
  /// Joins another reactor, on that one's thread, with the descriptor that detach() gave.
  void attach(Reactor& reactor, UniqueFd fd);

  [[nodiscard]] Watch& watch() { return *watch_; }
  [[nodiscard]] Reactor& reactor() { return watch_->reactor(); }
  [[nodiscard]] bool is_open() const { return watch_ != nullptr; }
  /// Bytes read and written by the caller so far (under TLS: before encryption).
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }

 protected:
  Stream() = default;
  explicit Stream(std::unique_ptr<Watch> watch) : watch_(std::move(watch)) {}

  /// One attempt: bytes moved (reading: 0 at the end), -EAGAIN when it would block, or another negated errno.
  virtual ssize_t try_read(std::span<char> into) noexcept = 0;
  virtual ssize_t try_write(std::span<const iovec> from) noexcept = 0;
  virtual ssize_t try_write_soon(std::span<const iovec> from) noexcept { return try_write(from); }
  virtual ssize_t try_write_with_more(std::span<const iovec> from) noexcept { return try_write(from); }
  [[nodiscard]] ssize_t try_write_when(WriteOp::When when, std::span<const iovec> from) noexcept;
  virtual ssize_t try_send_file(int file, std::uint64_t offset, std::size_t size) noexcept;
  /// The same by reference to the pages of a mapping; none where that is not possible.
  virtual std::optional<ssize_t> try_send_mapped(std::string_view /*bytes*/) noexcept { return std::nullopt; }
  /// True when a read that fills less than its buffer, or a write that takes less than all, means that the next would
  /// block.
  [[nodiscard]] virtual bool short_means_unready() const { return true; }
  /// True when a read may find bytes that the stream took from its descriptor before.
  [[nodiscard]] virtual bool has_buffered() const noexcept { return false; }

  std::unique_ptr<Watch> watch_;

 private:
  friend class ReadOp;
  friend class WriteOp;
  friend class SendFileOp;
  [[nodiscard]] MonoTime write_deadline(MonoTime since, std::uint64_t written, std::chrono::milliseconds stall) const;

  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t least_rate_ = 0;
};

}  // namespace yz::io
