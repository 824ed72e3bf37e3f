#include "net/h2/stream.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/block_pool.h"
#include "http/status.h"
#include "io/reactor.h"
#include "net/h2/session.h"

namespace yz::net::h2 {

/// Awaitable `bool`: true when more of the body (or its end) is there, false at the deadline.
class Stream::BodyWait final : public io::TimerNode {
 public:
  BodyWait(Stream& stream, MonoTime deadline) : stream_(stream), deadline_(deadline) {}
  ~BodyWait() override {
    if (stream_.reader_ == this) stream_.reader_ = nullptr;
  }
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    stream_.reader_ = this;
    stream_.reactor().timers().link(*this, deadline_);
  }
  [[nodiscard]] bool await_resume() const { return !is_late_; }
  void on_timer() override {
    is_late_ = true;
    stream_.reader_ = nullptr;
    handle_.resume();
  }
  void resume() {
    unlink();
    handle_.resume();
  }

 private:
  Stream& stream_;
  const MonoTime deadline_;
  std::coroutine_handle<> handle_;
  bool is_late_ = false;
};

struct Stream::Work::promise_type {
  promise_type(Stream& owner, HttpHandler&) : stream(owner) {
    stream.work_ = std::coroutine_handle<promise_type>::from_promise(*this);
  }
  ~promise_type() { stream.work_ = {}; }

  static void* operator new(std::size_t size) { return BlockPool::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { BlockPool::release(frame, size); }

  Work get_return_object() noexcept { return {}; }
  std::suspend_never initial_suspend() noexcept { return {}; }
  std::suspend_never final_suspend() noexcept { return {}; }
  void return_void() noexcept {}
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  Stream& stream;
};

Stream::~Stream() { cancel_work(); }

const Endpoint& Stream::peer() const { return session_->peer(); }
Endpoint Stream::local() const { return session_->local(); }
bool Stream::is_tls() const { return session_->is_tls(); }
std::string_view Stream::tls_server_name() const { return session_->server_name(); }
io::Reactor& Stream::reactor() const { return session_->reactor(); }

void Stream::open(Session& session, std::uint32_t stream_id, std::int64_t send_window, std::int64_t receive_window) {
  session_ = &session;
  id = stream_id;
  priority = {};
  arena_.clear();
  send_window_ = send_window;
  pending_ = {};
  pending_size_ = 0;
  pending_ends_ = has_sent_end_ = false;
  sender_ = {};
  bytes_out_ = 0;
  head_bytes_ = 0;
  receive_window_ = receive_window;
  uncredited_ = 0;
  has_received_end_ = has_continued_ = false;
  body_received_ = 0;
  body_waited_ = {};
  body_.clear();
  body_at_ = 0;
  exchange_.session_ = nullptr;
  exchange_.stream_ = this;
}

void Stream::start(HttpHandler& handler, bool ends) {
  exchange_.reset(reactor().now());
  exchange_.head_began_at_ = exchange_.started_at_;
  exchange_.bytes_in_ = head_bytes_;
  has_received_end_ = ends;
  if (ends) exchange_.is_body_done_ = true;
  run(handler);
}

Stream::Work Stream::run(HttpHandler& handler) {
  co_await handler.handle(exchange_);
  settle();
}

void Stream::settle() {
  Exchange& e = exchange_;
  if (session_->is_dead()) return session_->end_stream(*this, ErrorCode::kCancel);
  if (e.state_ == Exchange::State::kWaiting && !e.is_aborted_) {
    e.status_ = 500;
    e.state_ = Exchange::State::kDone;
    send_head(500, {}, 0, true);
  }
  if (e.state_ == Exchange::State::kHeadDue || e.state_ == Exchange::State::kBody) {
    const bool is_whole = e.sends_no_body() || has_sent_end_ || (e.is_length_known_ && e.body_left_ == 0);
    if (is_whole && !e.is_aborted_) {
      e.send_due_head();
      send_body({}, true);
    }
  }
  if (e.closes_) session_->begin_leaving();
  if (!has_sent_end_) return session_->end_stream(*this, ErrorCode::kInternalError);
  session_->end_stream(*this, ErrorCode::kNoError);
}

void Stream::send_head(http::StatusCode status, std::span<const iovec> head, std::optional<std::uint64_t> length,
                       bool ends) {
  if (has_sent_end_ || session_->is_dead()) return;
  session_->write_head(*this, status, head, length, ends);
  has_sent_end_ = ends;
}

void Stream::send_body(std::span<iovec> pieces, bool ends) {
  if (has_sent_end_ || session_->is_dead()) return;
  pending_ = pieces;
  pending_size_ = 0;
  for (const iovec& piece : pieces) pending_size_ += piece.iov_len;
  pending_ends_ = ends;
  pending_since_ = reactor().now();
  pending_taken_ = 0;
  session_->send(*this);
}

bool Stream::is_sent() const { return pending_size_ == 0 || session_->is_dead(); }

void Stream::forget_waiter() noexcept {
  sender_ = {};
  pending_ = {};
  pending_size_ = 0;
  unlink();
}

Status Stream::outcome() const {
  if (!session_->is_dead()) return {};
  return fail(Code::kUnavailable, "the client is gone", Fault::kClient);
}

void Stream::copy_pending(char* out, std::size_t size) {
  pending_size_ -= size;
  pending_taken_ += size;
  while (size > 0) {
    iovec& piece = pending_.front();
    const std::size_t part = std::min(size, piece.iov_len);
    std::memcpy(out, piece.iov_base, part);
    out += part;
    size -= part;
    piece.iov_base = static_cast<char*>(piece.iov_base) + part;
    piece.iov_len -= part;
    if (piece.iov_len == 0) pending_ = pending_.subspan(1);
  }
}

void Stream::receive(std::string_view data, bool ends) {
  body_received_ += data.size();
  has_received_end_ = ends;
  if (body_at_ == body_.size()) {
    body_.clear();
    body_at_ = 0;
  }
  body_.append(data);
  resume_reader();
}

void Stream::resume_reader() {
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->resume();
}

void Stream::credit(std::size_t size) {
  session_->credit_connection(size);
  if (has_received_end_) return;
  uncredited_ += size;
  if (uncredited_ * 2 < session_->limits().stream_window) return;
  receive_window_ += static_cast<std::int64_t>(uncredited_);
  session_->write_window_update(id, std::exchange(uncredited_, 0));
}

void Stream::send_continue() {
  if (std::exchange(has_continued_, true)) return;
  if (exchange_.head_.expects_continue && !exchange_.has_begun() && body_received_ == 0) {
    session_->write_head(*this, 100, {}, std::nullopt, false);
  }
}

io::Task<Result<std::size_t>> Stream::read_body(std::span<char> into) {
  if (exchange_.is_body_done_ || into.empty()) co_return 0;
  send_continue();
  const HttpServerOptions& options = session_->options();
  while (body_at_ == body_.size() && !has_received_end_) {
    // A frame that is still arriving counts as well.
    const std::uint64_t received = body_received_ + session_->unparsed();
    const MonoTime start = reactor().now();
    const MonoTime deadline = start + options.patience_for_body(received, body_waited_);
    if (session_->is_dead()) co_return fail(Code::kUnavailable, "the client is gone", Fault::kClient);
    if (deadline <= start) co_return fail(Code::kTimeout, "request body: deadline passed", Fault::kClient);
    (void)co_await BodyWait(*this, deadline);
    body_waited_ += reactor().now() - start;
  }
  const std::size_t n = std::min(into.size(), body_.size() - body_at_);
  std::memcpy(into.data(), body_.data() + body_at_, n);
  body_at_ += n;
  if (has_received_end_ && body_at_ == body_.size()) exchange_.is_body_done_ = true;
  if (n > 0) credit(n);
  co_return n;
}

}  // namespace yz::net::h2
