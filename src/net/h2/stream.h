#pragma once

#include <coroutine>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "io/timer_wheel.h"
#include "net/exchange.h"
#include "net/h2/frame.h"
#include "net/h2/head_decoder.h"
#include "net/h2/priority.h"
#include "net/h2/text_arena.h"

namespace yz::net::h2 {

class Session;

/// One request and its answer on an HTTP/2 connection. Made by a session, used again by others; belongs to the
/// session's table while it is open. Its handler is destroyed when the stream is reset, so that work nobody waits for
/// costs nothing more.
class Stream final : public ExchangeStream, public Prioritised {
 public:
  Stream() = default;
  ~Stream() override;

  // --- ExchangeStream ---
  [[nodiscard]] const Endpoint& peer() const override;
  [[nodiscard]] Endpoint local() const override;
  [[nodiscard]] bool is_tls() const override;
  [[nodiscard]] std::string_view tls_server_name() const override;
  [[nodiscard]] io::Reactor& reactor() const override;
  [[nodiscard]] std::uint64_t bytes_out() const override { return bytes_out_; }
  void send_head(http::StatusCode status, std::span<const iovec> head, std::optional<std::uint64_t> length,
                 bool ends) override;
  void send_body(std::span<iovec> pieces, bool ends) override;
  [[nodiscard]] bool is_sent() const override;
  void wait_sent(std::coroutine_handle<> waiter) override { sender_ = waiter; }
  void forget_waiter() noexcept override;
  [[nodiscard]] Status outcome() const override;
  [[nodiscard]] io::Task<Result<std::size_t>> read_body(std::span<char> into) override;

 private:
  friend class Session;
  class BodyWait;

  /// Begins a new life on a session.
  void open(Session& session, std::uint32_t stream_id, std::int64_t send_window, std::int64_t receive_window);
  /// The handler's outermost frame: belongs to the stream, which may destroy it, and frees itself at its end.
  struct Work {
    struct promise_type;
  };
  /// The head is whole: runs the handler, up to its first suspension.
  void start(HttpHandler& handler, bool ends);
  Work run(HttpHandler& handler);
  /// Destroys the handler, unless it has ended.
  void cancel_work() {
    if (work_) work_.destroy();
  }
  /// Makes good what the handler left out, and ends the stream.
  void settle();
  /// Body bytes that arrived, and whether they are the last. Resumes the handler when it waits for them.
  void receive(std::string_view data, bool ends);
  void resume_reader();
  void send_continue();
  /// Copies the next `size` pending bytes.
  void copy_pending(char* out, std::size_t size);
  /// What was read no longer needs the window.
  void credit(std::size_t size);

  Session* session_ = nullptr;
  Exchange exchange_;
  TextArena arena_;
  std::size_t index_ = 0;  // in the session's table

  // Sending.
  std::int64_t send_window_ = 0;
  std::span<iovec> pending_;  // not yet framed, of the step that the handler waits for
  std::size_t pending_size_ = 0;
  bool pending_ends_ = false;
  bool has_sent_end_ = false;
  std::coroutine_handle<> sender_;
  std::size_t pending_taken_ = 0;  // of what is pending, since then
  MonoTime pending_since_;
  MonoTime moved_at_;  // when the client last took something
  std::uint64_t bytes_out_ = 0;

  // Receiving.
  std::uint64_t head_bytes_ = 0;  // of its frames
  std::int64_t receive_window_ = 0;
  std::size_t uncredited_ = 0;
  bool has_received_end_ = false;
  bool has_continued_ = false;
  std::uint64_t body_received_ = 0;
  std::chrono::nanoseconds body_waited_{0};
  std::string body_;  // arrived and not yet read
  std::size_t body_at_ = 0;
  BodyWait* reader_ = nullptr;

  std::coroutine_handle<> work_;  // of the handler, until it ends
};

}  // namespace yz::net::h2
