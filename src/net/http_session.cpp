#include "net/http_session.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "http/head_error.h"
#include "io/tcp_stream.h"
#include "net/h2/frame.h"

namespace yz::net {

namespace {

/// A body is read into the room behind its head if that has at least this much, else into a buffer of its own.
constexpr std::size_t kMinBodyRoom = 4 * 1024;
/// Pipelined requests served before others on the reactor have their turn.
constexpr std::uint64_t kRequestsPerTurn = 64;
/// How long, and how much, a closed connection's unread bytes are taken so that no reset destroys our last answer
/// (RFC 9112 §9.6).
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 256 * 1024;
/// Of bytes that nobody wants.
constexpr std::size_t kSkipBuffer = 4096;

}  // namespace

HttpSession::HttpSession(HttpServer& server, const ServedConnection& connection)
    : server_(server),
      stream_(*connection.stream),
      peer_(connection.peer),
      server_name_(connection.server_name),
      is_tls_(connection.is_tls),
      parser_(server.options_.rules),
      served_(connection.requests) {}

HttpSession::~HttpSession() {
  if (is_busy_) --server_.counts_.busy;
  give_scratch();
}

void HttpSession::close_idle() noexcept {
  unlink();
  stream_.shutdown_both();
}

void HttpSession::doze() {
  unlink();
  is_dozing_ = true;
  stream_.watch().cancel(io::Half::kRead);
}

void HttpSession::take_scratch() {
  auto& spare = server_.spare_scratch_;
  if (spare.empty()) {
    scratch_ = std::make_unique<SessionScratch>();
  } else {
    scratch_ = std::move(spare.back());
    spare.pop_back();
  }
  scratch_->exchange.session_ = this;
  in_ = {scratch_->buffer.get(), 0, 0, scratch_->capacity};
}

void HttpSession::give_scratch() {
  constexpr std::size_t kMaxSpare = 256;
  body_buffer_.reset();
  if (!scratch_) return;
  auto& spare = server_.spare_scratch_;
  if (spare.size() < kMaxSpare && scratch_->capacity == SessionScratch::kBufferSize) {
    spare.push_back(std::move(scratch_));
  }
  scratch_.reset();
  in_ = {};
}

io::Task<void> HttpSession::run() {
  Next then = Next::kRequest;
  while (then == Next::kRequest) {
    if (in_.is_empty()) {
      // The common case of a request that is there already needs no frame for waiting.
      if (!scratch_) take_scratch();
      const auto got = stream_.read_now(in_.room());
      if (got && *got && **got > 0) {
        in_.end = **got;
      } else if (got || !co_await wait_for_request()) {
        co_return;
      }
    }
    exchange().head_began_at_ = reactor().now();
    auto progress = parser_.parse(in_.bytes(), exchange().head_);
    if (progress.state == http::Progress::kIncomplete) then = co_await read_rest_of_head(progress);
    if (then == Next::kRequest && progress.state == http::Progress::kBad) {
      if (begins_http2()) break;
      then = co_await refuse(progress.error);
    }
    if (then != Next::kRequest) break;
    begin_exchange(progress.consumed);
    co_await server_.handler_.handle(exchange());
    if (!is_settled()) then = co_await settle();
    if (then == Next::kRequest && exchange().closes_) then = in_.is_empty() ? Next::kClose : Next::kLinger;
    end_exchange();
    if (then == Next::kRequest && served_ % kRequestsPerTurn == 0 && !in_.is_empty()) co_await io::yield();
  }
  give_scratch();
  if (then == Next::kLinger) co_await linger();
  if (then == Next::kReset && !is_tls_) static_cast<io::TcpStream&>(stream_).reset_connection();
}

bool HttpSession::begins_http2() {
  const std::string_view bytes = in_.bytes();
  const std::string_view first = bytes.substr(0, h2::kClientPreface.size());
  if (!options().http2 || served_ > 0 || !h2::kClientPreface.starts_with(first)) return false;
  http2_start_ = bytes;
  return true;
}

/// Waits for the first bytes of a request and reads them. False when the connection ended or was idle for too long.
io::Task<bool> HttpSession::wait_for_request() {
  idle_since_ = reactor().now();
  const MonoTime deadline = idle_since_ + options().idle_timeout;
  while (true) {
    give_scratch();
    if (server_.is_draining()) co_return false;
    append_to(server_.idle_);
    server_.expect_sleepers();
    stream_.expect_messages();
    const Status readable = co_await stream_.readable(deadline);
    unlink();
    if (!readable || is_dozing_) co_return false;
    take_scratch();
    const auto got = stream_.read_now(in_.room());
    if (!got) continue;
    if (!*got || **got == 0) co_return false;
    in_.end = **got;
    co_return true;
  }
}

io::Task<HttpSession::Next> HttpSession::read_rest_of_head(http::HeadProgress& progress) {
  const MonoTime deadline = reactor().in(options().head_timeout);
  while (progress.state == http::Progress::kIncomplete) {
    make_head_room();
    const auto got = co_await stream_.read(in_.room(), deadline);
    if (!got || *got == 0) {
      // A client that is slow is told so once; one that went away is not (RFC 9110 §15.5.9).
      if (!got && got.error().code == Code::kTimeout) {
        (void)co_await stream_.write_all(
            "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", std::chrono::seconds(1));
      }
      co_return Next::kClose;
    }
    in_.end += *got;
    progress = parser_.parse(in_.bytes(), exchange().head_);
  }
  co_return Next::kRequest;
}

/// Moves the head in progress to the front of the buffer, or that into a larger one, when little room is left. The
/// parser refuses what exceeds its limits, so this ends.
void HttpSession::make_head_room() {
  if (in_.capacity - in_.end >= in_.capacity / 4) return;
  if (in_.begin > 0) {
    std::memmove(in_.data, in_.data + in_.begin, in_.end - in_.begin);
    in_.end -= in_.begin;
    in_.begin = 0;
    if (in_.capacity - in_.end >= in_.capacity / 4) return;
  }
  const std::size_t capacity = scratch_->capacity * 2;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  std::memcpy(larger.get(), in_.data, in_.end);
  scratch_->buffer = std::move(larger);
  scratch_->capacity = in_.capacity = capacity;
  in_.data = scratch_->buffer.get();
}

io::Task<HttpSession::Next> HttpSession::refuse(http::HeadError error) {
  ++server_.counts_.bad_requests;
  const http::StatusCode status = http::status_for(error);
  const std::string text =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}\n",
                  status, http::reason_phrase(status), http::rule(error).size() + 1, http::rule(error));
  const bool is_written = (co_await stream_.write_all(text, options().write_stall)).has_value();
  co_return is_written ? Next::kLinger : Next::kClose;
}

void HttpSession::begin_exchange(std::size_t head_size) {
  in_.begin += head_size;
  ++server_.counts_.requests;
  ++server_.counts_.busy;
  is_busy_ = true;
  ++served_;
  Exchange& exchange = this->exchange();
  exchange.reset(reactor().now());
  exchange.bytes_in_ = head_size;
  exchange.closes_ = !exchange.head_.keep_alive || served_ >= options().max_requests;
  if (exchange.is_body_done_) return;
  body_left_ = exchange.head_.content_length;
  body_received_ = 0;
  body_waited_ = {};
  chunks_.reset();
  has_continued_ = false;
  if (exchange.head_.framing == http::Framing::kLength && body_left_ == 0) exchange.is_body_done_ = true;
}

/// True when the exchange ended the way most do, so that nothing is left to put right.
bool HttpSession::is_settled() const {
  const Exchange& e = exchange();
  return e.state_ == Exchange::State::kDone && e.is_body_done_ && !e.is_aborted_ && !e.is_tunnel_ &&
         stream_.bytes_written() == e.out_expected_;
}

io::Task<HttpSession::Next> HttpSession::settle() {
  Exchange& e = exchange();
  if (e.is_tunnel_) co_return Next::kClose;
  if (e.state_ == Exchange::State::kWaiting && !e.is_aborted_) {
    // An upload that is still running would not let the client see the answer: close after it.
    e.closes_ = e.closes_ || !e.is_body_done_;
    if (!co_await e.respond_text(500, "text/plain", "the server did not answer\n")) co_return Next::kClose;
  }
  if (e.state_ == Exchange::State::kHeadDue || e.state_ == Exchange::State::kBody) {
    const bool is_whole = e.sends_no_body() || (e.is_length_known_ && e.body_left_ == 0);
    e.is_aborted_ = e.is_aborted_ || !is_whole;
    if (!e.is_aborted_ && !co_await e.finish()) co_return Next::kClose;
  }
  if (e.is_aborted_ || stream_.bytes_written() != e.out_expected_) co_return Next::kReset;
  if (e.is_body_done_) co_return Next::kRequest;
  // A client that still waits for 100 Continue may now send its body or not: only a new connection is clear.
  if (e.closes_ || (e.head_.expects_continue && !has_continued_ && body_received_ == 0)) co_return Next::kLinger;
  co_return co_await drain_body() ? Next::kRequest : Next::kLinger;
}

io::Task<bool> HttpSession::drain_body() {
  if (exchange().head_.framing == http::Framing::kLength && body_left_ > options().drain_body) co_return false;
  has_continued_ = true;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kSkipBuffer);  // not in a frame: those may be merged
  const std::span<char> room(buffer.get(), kSkipBuffer);
  for (std::uint64_t drained = 0; drained <= options().drain_body;) {
    const auto n = co_await read_body(room);
    if (!n) co_return false;
    if (*n == 0) co_return true;
    drained += *n;
  }
  co_return false;
}

void HttpSession::end_exchange() {
  --server_.counts_.busy;
  is_busy_ = false;
  parser_.reset();
  if (body_buffer_) {
    // What follows the body belongs to the next request.
    const std::size_t left = in_.end - in_.begin;
    std::memcpy(scratch_->buffer.get(), in_.data + in_.begin, left);
    in_ = {scratch_->buffer.get(), 0, left, scratch_->capacity};
    body_buffer_.reset();
  }
  if (in_.is_empty()) in_.begin = in_.end = 0;
}

io::Task<void> HttpSession::linger() {
  stream_.shutdown_write();
  const MonoTime deadline = reactor().in(kLingerTime);
  const auto buffer = std::make_unique_for_overwrite<char[]>(kSkipBuffer);  // not in a frame: those may be merged
  const std::span<char> room(buffer.get(), kSkipBuffer);
  for (std::size_t taken = 0; taken < kLingerBytes;) {
    const auto n = co_await stream_.read(room, deadline);
    if (!n || *n == 0) co_return;
    taken += *n;
  }
}

io::Task<Status> HttpSession::send_continue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  Exchange& e = exchange();
  const bool is_wanted = e.head_.expects_continue && !has_continued_ && !e.has_begun() && in_.is_empty();
  has_continued_ = true;
  if (!is_wanted) co_return Status();
  e.out_expected_ += kContinue.size();
  co_return co_await stream_.write_all(kContinue, options().write_stall);
}

io::Task<Result<std::size_t>> HttpSession::read_body(std::span<char> into) {
  Exchange& e = exchange();
  if (e.is_body_done_ || into.empty()) co_return 0;
  if (!has_continued_) YZ_CO_CHECK(co_await send_continue());
  if (e.head_.framing == http::Framing::kChunked) co_return co_await read_chunked(into);

  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), body_left_));
  std::size_t n = std::min(wanted, in_.end - in_.begin);
  if (n > 0) {
    std::memcpy(into.data(), in_.data + in_.begin, n);
    in_.begin += n;
  } else {
    YZ_CO_TRY(n, co_await receive_body(into.first(wanted)));
  }
  e.bytes_in_ += n;
  body_left_ -= n;
  if (body_left_ == 0) e.is_body_done_ = true;
  co_return n;
}

io::Task<Result<std::size_t>> HttpSession::read_chunked(std::span<char> into) {
  Exchange& e = exchange();
  while (true) {
    if (in_.is_empty()) {
      make_body_room();
      YZ_CO_TRY(const std::size_t n, co_await receive_body(in_.room()));
      in_.end += n;
    }
    // No more than fits: the decoder gives no data back.
    const auto step = chunks_.decode(in_.bytes().substr(0, into.size()));
    in_.begin += step.consumed;
    e.bytes_in_ += step.consumed;
    if (step.state == http::ChunkedDecoder::State::kBad) {
      e.closes_ = true;
      co_return fail(Code::kInvalid, "the chunked body is malformed (RFC 9112 section 7.1)", Fault::kClient);
    }
    if (step.state == http::ChunkedDecoder::State::kDone) e.is_body_done_ = true;
    if (!step.data.empty()) {
      std::memcpy(into.data(), step.data.data(), step.data.size());
      co_return step.data.size();
    }
    if (e.is_body_done_) co_return 0;
  }
}

/// At the end of the window: starts it again behind the head, or in a buffer of its own when the head left little room.
void HttpSession::make_body_room() {
  if (body_buffer_) {
    in_.begin = in_.end = 0;
    return;
  }
  if (in_.capacity - in_.end >= kMinBodyRoom) return;
  body_buffer_ = std::make_unique_for_overwrite<char[]>(SessionScratch::kBufferSize);
  in_ = {body_buffer_.get(), 0, 0, SessionScratch::kBufferSize};
}

/// Reads body bytes from the connection; at least one. A client that stays below the least rate is given up; time in
/// which nobody waits for it does not count.
io::Task<Result<std::size_t>> HttpSession::receive_body(std::span<char> into) {
  const MonoTime start = reactor().now();
  const MonoTime deadline = start + options().patience_for_body(body_received_, body_waited_);
  auto got = co_await stream_.read(into, deadline);
  body_waited_ += reactor().now() - start;
  if (!got) co_return fail(std::move(got).error().with_context("request body").blamed_on(Fault::kClient));
  if (*got == 0) co_return fail(Code::kUnavailable, "the client closed in the middle of its body", Fault::kClient);
  body_received_ += *got;
  co_return *got;
}

}  // namespace yz::net
