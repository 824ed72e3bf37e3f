#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "base/clock.h"
#include "base/ip.h"
#include "http/header_map.h"
#include "http/message.h"
#include "io/stream.h"
#include "io/task.h"
#include "net/exchange_stream.h"

namespace yz::net {

namespace h2 {
class Session;
class Stream;
}  // namespace h2

class HttpSession;
struct SessionScratch;

/// How the body of a streamed response ends.
struct BodyLength {
  /// Bytes the body will have; none: unknown, sent chunked (HTTP/1.1) or ended by closing (HTTP/1.0).
  std::optional<std::uint64_t> known;
};

/// Awaitable `Status` of a step of a response: one write on HTTP/1, room for its frames on HTTP/2. Refers to the
/// buffers given: co_await it where it is made.
class [[nodiscard]] SendOp final {
 public:
  SendOp(io::Stream& stream, std::span<iovec> pieces, std::chrono::milliseconds stall, io::WriteOp::When when)
      : write_(std::in_place, stream, pieces, stall, when) {}
  explicit SendOp(ExchangeStream& stream) : stream_(&stream) {}
  SendOp(const SendOp&) = delete;
  SendOp& operator=(const SendOp&) = delete;
  ~SendOp() {
    if (waits_) stream_->forget_waiter();
  }

  [[nodiscard]] bool await_ready() { return stream_ == nullptr ? write_->await_ready() : stream_->is_sent(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (stream_ == nullptr) return write_->await_suspend(handle);
    waits_ = true;
    stream_->wait_sent(handle);
    return true;
  }
  Status await_resume() {
    if (stream_ == nullptr) return write_->await_resume();
    waits_ = false;
    return stream_->outcome();
  }

 private:
  ExchangeStream* stream_ = nullptr;
  bool waits_ = false;
  std::optional<io::WriteOp> write_;
};

/// One request and its answer on a server connection. Made by the session, lent to the handler until handle() returns.
/// The request's views stay valid until then. Exactly one response: respond*(), or begin*() + send() … + finish(). What
/// the handler leaves out the session makes good: no response is a 500, an unread body is drained or the connection
/// closed, a body shorter than promised ends the connection without a clean end.
///
/// Framing belongs to the session: heads given here hold no Content-Length or Transfer-Encoding unless said so, and
/// never Connection. For HEAD, 204 and 304 the body is left out, whatever is given. On HTTP/2 the same text becomes
/// frames: the status line and reason are dropped, and so are fields of a connection.
///
/// The functions returning SendOp refer to the buffers given; await them at once. Their failure means that the
/// connection or stream is lost: return from the handler.
class Exchange {
 public:
  [[nodiscard]] const http::RequestHead& request() const { return head_; }
  /// Who is connected (not who a header says); 0.0.0.0:0 on a unix socket.
  [[nodiscard]] const Endpoint& peer() const;
  /// The address it is connected to; asks the system.
  [[nodiscard]] Endpoint local() const;
  [[nodiscard]] bool is_tls() const;
  /// The SNI name, lower case; empty without TLS or SNI.
  [[nodiscard]] std::string_view tls_server_name() const;
  [[nodiscard]] io::Reactor& reactor() const;
  /// When the head was complete.
  [[nodiscard]] MonoTime started_at() const { return started_at_; }
  /// When its first bytes were read; the same where all came at once.
  [[nodiscard]] MonoTime head_began_at() const { return head_began_at_; }

  // --- the request's body ---

  [[nodiscard]] bool has_body() const { return head_.framing != http::Framing::kNone; }
  /// Some bytes of the decoded body; 0 at its end. Sends 100 Continue first if the client waits for it. Fails with
  /// kInvalid (client) on broken chunks, kUnavailable when the client is gone, kTimeout when it is too slow.
  [[nodiscard]] io::Task<Result<std::size_t>> read_body(std::span<char> into);
  /// The rest of the body. Fails with kLimit (client) when it exceeds `limit` bytes, before reading more than that.
  [[nodiscard]] io::Task<Result<std::string>> read_body_all(std::size_t limit);
  /// True when the whole body was read (or there is none).
  [[nodiscard]] bool is_body_read() const { return is_body_done_; }

  /// Sends an interim response (1xx but 101) before the response begins; nothing on HTTP/1.0 (RFC 9110 §15.2).
  [[nodiscard]] io::Task<Status> send_interim(http::StatusCode status, http::HeaderMap headers);

  // --- the response ---

  /// A whole response. `headers` may name Content-Type and so on; Content-Length, Date and Connection are added.
  [[nodiscard]] io::Task<Status> respond(http::StatusCode status, http::HeaderMap headers, std::string body);
  /// The same with one Content-Type.
  [[nodiscard]] io::Task<Status> respond_text(http::StatusCode status, std::string_view content_type, std::string body);

  /// A whole response from pieces that are serialised already, in one writev: `head` is the status line and all field
  /// lines *including Content-Length*, each with its CRLF, without the empty line; the session adds Connection where it
  /// must, and the empty line. Each piece of `head` holds whole lines. At most kMaxPieces pieces in all. Allocates
  /// nothing.
  [[nodiscard]] SendOp respond_raw(http::StatusCode status, std::span<const iovec> head, std::span<const iovec> body);

  /// Begins a streamed response; nothing is sent before the first send(), send_file(), flush() or finish().
  /// Content-Length or Transfer-Encoding follows from `length`; Date and Connection are added.
  void begin(http::StatusCode status, const http::HeaderMap& headers, BodyLength length);
  /// The same with a serialised head as in respond_raw but *without* Content-Length, which is added. Copied.
  void begin_raw(http::StatusCode status, std::span<const iovec> head, BodyLength length);
  /// Sends a piece of the body, behind the head when that is due. More than was promised is a broken invariant.
  [[nodiscard]] SendOp send(std::span<const iovec> pieces);
  [[nodiscard]] SendOp send(std::string_view piece);
  /// Whether send_file saves a copy; else pieces in memory are the better thing to send.
  [[nodiscard]] bool sends_files() const { return stream_ == nullptr && !is_tls(); }
  /// Sends `size` bytes of a file from `offset` as part of the body, by reference on plain HTTP/1 connections.
  /// `mapped`: see io::Stream::send_file.
  [[nodiscard]] io::Task<Status> send_file(int file, std::uint64_t offset, std::uint64_t size,
                                           const char* mapped = nullptr);
  /// Sends the head now, if it was not sent.
  [[nodiscard]] SendOp flush();
  /// Ends the body.
  [[nodiscard]] SendOp finish() { return finish({}); }
  /// The same behind its last pieces, as send() takes them: on HTTP/1 one write.
  [[nodiscard]] SendOp finish(std::span<const iovec> last);
  /// Gives up: the connection (on HTTP/2 the stream) is reset after handle() returns, so that the client sees that its
  /// answer is not whole.
  void abort() { is_aborted_ = true; }

  /// 0 until a response began.
  [[nodiscard]] http::StatusCode status() const { return status_; }
  [[nodiscard]] bool has_begun() const { return state_ != State::kWaiting; }
  /// When a response began; MonoTime{} until then.
  [[nodiscard]] MonoTime answered_at() const { return answered_at_; }
  /// Announces `Connection: close` (on HTTP/2: GOAWAY) and closes after this response. Before it begins.
  void close_after() { closes_ = true; }
  [[nodiscard]] bool will_close() const { return closes_; }

  /// Bytes on the wire for this exchange so far, heads and framing included (under TLS: before encryption).
  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const;

  /// HTTP/1 only, see is_multiplexed(). After an upgrade (101) or CONNECT answered with begin_raw() + flush(): the
  /// connection itself, which is closed when the handler returns. `early` are bytes the client has sent already.
  struct Tunnel {
    io::Stream& stream;
    std::string_view early;
  };
  [[nodiscard]] Tunnel tunnel();

  /// True on HTTP/2: there is no connection to take over.
  [[nodiscard]] bool is_multiplexed() const { return stream_ != nullptr; }

  static constexpr std::size_t kMaxPieces = 29;

  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  friend class HttpSession;
  friend class h2::Session;
  friend class h2::Stream;
  friend struct SessionScratch;
  enum class State : std::uint8_t { kWaiting, kHeadDue, kBody, kDone };

  Exchange() = default;
  void reset(MonoTime now);
  [[nodiscard]] bool sends_no_body() const;
  void add_piece(const void* data, std::size_t size);
  void add_piece(std::string_view text) { add_piece(text.data(), text.size()); }
  [[nodiscard]] std::string_view head_end() const;
  void begin_head(http::StatusCode status, BodyLength length);
  void end_head();
  void add_due_head();
  void add_body(std::span<const iovec> pieces);
  [[nodiscard]] SendOp write_pieces();
  [[nodiscard]] SendOp write_pieces(io::WriteOp::When when);
  void send_due_head();
  [[nodiscard]] SendOp send_pieces_on_stream(bool ends);
  [[nodiscard]] io::Task<Status> send_file_on_stream(int file, std::uint64_t offset, std::uint64_t size);

  HttpSession* session_ = nullptr;    // HTTP/1; else null
  ExchangeStream* stream_ = nullptr;  // HTTP/2; else null
  http::RequestHead head_;
  MonoTime started_at_{};
  MonoTime head_began_at_{};
  MonoTime answered_at_{};
  State state_ = State::kWaiting;
  bool closes_ = false;
  bool is_aborted_ = false;
  bool is_body_done_ = true;
  bool is_chunked_ = false;
  bool is_tunnel_ = false;
  bool is_length_known_ = false;
  http::StatusCode status_ = 0;
  std::uint64_t body_left_ = 0;  // of the response, when its length is known
  std::uint64_t bytes_in_ = 0;
  std::uint64_t out_start_ = 0;     // the stream's count when the exchange began
  std::uint64_t out_expected_ = 0;  // what it must be when all writes asked for are done
  std::string head_text_;           // of begin() and respond(); keeps its capacity
  std::string body_text_;           // of respond()
  std::array<iovec, kMaxPieces + 3> pieces_;
  std::size_t piece_count_ = 0;
  std::array<char, 20> chunk_line_;
};

/// Answers requests. One object may serve many reactors; then handle() runs on all their threads.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Answers one request. The exchange is valid until the task ends, which may be when the connection is torn down.
  [[nodiscard]] virtual io::Task<void> handle(Exchange& exchange) = 0;
};

}  // namespace yz::net
