#include "net/h2/session.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "io/socket.h"
#include "io/tcp_stream.h"

namespace yz::net::h2 {
namespace {

/// How often a connection with streams at work is looked over.
constexpr std::chrono::milliseconds kLookInterval = std::chrono::seconds(5);
/// How long, and how much, is read after the last GOAWAY so that no reset destroys it on its way.
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::size_t kMaxSpare = 256;
/// What a connection does before others on the reactor have their turn.
constexpr std::size_t kReadsPerTurn = 16;
constexpr std::uint64_t kStreamsPerTurn = 256;

}  // namespace

/// Awaitable of the reader: until the writer has made room.
struct Session::RoomWait {
  Session& session;
  [[nodiscard]] bool await_ready() const { return session.is_dead_ || !session.is_output_full(); }
  void await_suspend(std::coroutine_handle<> handle) const { session.waiting_reader_ = handle; }
  void await_resume() const { session.waiting_reader_ = {}; }
};

Session::Session(HttpServer& server, io::Stream& stream, const Endpoint& peer, bool is_tls,
                 std::string_view server_name)
    : server_(server),
      stream_(stream),
      peer_(peer),
      server_name_(server_name),
      is_tls_(is_tls),
      guard_(server.options_.h2, server.reactor_.now()),
      decoder_(server.options_.rules),
      out_(server.spares_->out),
      sending_(server.spares_->out) {
  ++server_.counts_.h2.sessions;
  append_to(server_.h2_sessions_);
}

Session::~Session() {
  writer_.cancel_all();
  is_dead_ = true;
  while (!table_.empty()) drop(*table_.back(), true);
  give_input();
}

Endpoint Session::local() const { return io::local_endpoint(stream_.watch().fd()).value_or(Endpoint{}); }
io::Reactor& Session::reactor() const { return server_.reactor_; }
const HttpServerOptions& Session::options() const { return server_.options_; }
const Limits& Session::limits() const { return server_.options_.h2; }

void Session::take_input() {
  if (in_) return;
  auto& spare = server_.spares_->in;
  if (spare.empty()) {
    in_ = std::make_unique_for_overwrite<char[]>(kInputSize);
  } else {
    in_ = std::move(spare.back());
    spare.pop_back();
  }
  in_begin_ = in_end_ = 0;
}

void Session::give_input() {
  if (!in_) return;
  auto& spare = server_.spares_->in;
  if (spare.size() < kMaxSpare) spare.push_back(std::move(in_));
  in_.reset();
  in_begin_ = in_end_ = 0;
}

io::Task<void> Session::run(std::string_view early) {
  take_input();
  std::memcpy(in_.get(), early.data(), early.size());
  in_end_ = early.size();
  stuck_since_ = next_look_ = reactor().now();
  write_settings();
  writer_.spawn(write_loop());
  bool is_open = co_await read_preface();
  std::uint64_t streams_before = server_.counts_.h2.streams;
  std::size_t reads = 0;
  while (is_open) {
    process_input();
    flush_now();
    if (is_failed_ || is_dead_) break;
    if (++reads >= kReadsPerTurn || server_.counts_.h2.streams - streams_before >= kStreamsPerTurn) {
      co_await io::yield();
      reads = 0;
      streams_before = server_.counts_.h2.streams;
    }
    if (is_output_full()) {
      co_await RoomWait{*this};
      continue;
    }
    if (server_.is_draining() && !is_leaving_) begin_leaving();
    is_open = co_await read_more();
  }
  while (!table_.empty()) drop(*table_.back(), true);
  if (!is_dead_ && is_failed_) co_await linger();
  auto& spare = server_.spares_->streams;
  if (spare.size() > kMaxSpare) spare.resize(kMaxSpare);
}

/// The 24 bytes that begin a connection (RFC 9113 §3.4).
io::Task<bool> Session::read_preface() {
  while (unparsed() < kClientPreface.size()) {
    if (!co_await read_more()) co_return false;
  }
  if (std::string_view(in_.get(), kClientPreface.size()) != kClientPreface) {
    fail_connection(ErrorCode::kProtocolError);
    flush_now();
    co_await linger();
    co_return false;
  }
  in_begin_ = kClientPreface.size();
  co_return true;
}

bool Session::is_output_full() const { return is_writing_ && out_.size() >= OutBuffer::kTarget; }

MonoTime Session::read_deadline() const {
  const io::Reactor& loop = server_.reactor_;
  if (!has_settings_ || block_ != Block::kNone) return stuck_since_ + options().head_timeout;
  if (table_.empty() && unparsed() > 0) return stuck_since_ + options().head_timeout;
  if (table_.empty() && !is_leaving_) return loop.now() + options().idle_timeout;
  return std::max(next_look_, loop.now() + std::chrono::milliseconds(1));
}

/// Reads some bytes. False when the connection is over.
io::Task<bool> Session::read_more() {
  while (true) {
    if (unparsed() == 0) {
      in_begin_ = in_end_ = 0;
    } else if (in_begin_ > 0) {
      std::memmove(in_.get(), in_.get() + in_begin_, unparsed());
      in_end_ -= in_begin_;
      in_begin_ = 0;
    }
    take_input();
    const auto got = stream_.read_now({in_.get() + in_end_, kInputSize - in_end_});
    if (got) {
      if (!*got || **got == 0) co_return false;
      if (in_end_ == 0 && block_ == Block::kNone) stuck_since_ = reactor().now();
      in_end_ += **got;
      co_return true;
    }
    if (in_end_ == 0) give_input();
    const MonoTime deadline = read_deadline();
    const Status readable = co_await stream_.readable(deadline);
    if (readable) continue;
    if (readable.error().code != Code::kTimeout || is_dead_) co_return false;
    look_for_stalls();
    flush_now();
    if (is_failed_) co_return true;
    const bool is_stuck = !has_settings_ || block_ != Block::kNone || (table_.empty() && unparsed() > 0);
    if (is_stuck || (table_.empty() && is_leaving_)) co_return false;
    if (table_.empty()) {
      write_goaway(last_id_, ErrorCode::kNoError);  // idle for long enough
      flush_now();
      co_return false;
    }
  }
}

void Session::process_input() {
  is_in_reader_ = true;
  while (!is_failed_ && !is_dead_) {
    const FrameStep step = next_frame({in_.get() + in_begin_, unparsed()}, kDefaultFrameSize);
    if (step.state == FrameState::kIncomplete) break;
    in_begin_ += step.consumed;
    if (step.state == FrameState::kError) {
      const bool is_of_stream = step.error.stream != 0 && step.error.stream <= last_id_ && block_ == Block::kNone;
      if (is_of_stream) {
        fail_stream(step.error.stream, step.error.code);
      } else {
        fail_connection(step.error.code);
      }
    } else {
      on_frame(step.frame);
    }
    if (out_.size() < OutBuffer::kTarget / 2) continue;
    flush_now();
    if (is_output_full()) break;
  }
  is_in_reader_ = false;
  if (reactor().now() >= next_look_) look_for_stalls();
}

/// Whether a client that opens its windows by crumbs takes less of this answer than its share of the least rate.
bool Session::is_too_slow(const Stream& stream, MonoTime now) const {
  const std::uint64_t rate = options().send_min_rate;
  if (rate == 0 || stream.send_window_ > 0) return false;
  const auto earned = std::chrono::milliseconds(stream.pending_taken_ * 1000 * table_.size() / rate);
  return now - stream.pending_since_ > limits().window_stall + earned;
}

/// Answers that a client asked for and does not take (its windows stay shut) hold memory for nothing.
void Session::look_for_stalls() {
  const MonoTime now = reactor().now();
  next_look_ = now + std::min(kLookInterval, limits().window_stall / 2);
  if (is_leaving_ && !refuses_) finish_leaving();
  const MonoTime limit = now - limits().window_stall;
  const bool is_shut = send_window_ <= 0 && window_moved_at_ < limit;
  for (std::size_t i = table_.size(); i-- > 0;) {
    Stream& stream = *table_[i];
    if (stream.pending_size_ == 0 || (stream.moved_at_ > limit && !is_too_slow(stream, now))) continue;
    if (is_shut) return stop_flood(Flood::kWindowStall);
    if (stream.send_window_ > 0) continue;  // waits for its turn
    ++server_.counts_.h2.floods[static_cast<std::size_t>(Flood::kWindowStall)];
    const std::uint32_t id = stream.id;
    write_reset(id, ErrorCode::kCancel);
    drop(stream, true);
  }
}

io::Task<void> Session::linger() {
  while (!paused_writer_ && !is_dead_) {
    // The writer gives up by itself when the client takes nothing.
    co_await io::sleep_for(std::chrono::milliseconds(5));
  }
  stream_.shutdown_write();
  const MonoTime deadline = reactor().in(kLingerTime);
  take_input();
  for (std::size_t taken = 0; taken < kLingerBytes;) {
    const auto n = co_await stream_.read({in_.get(), kInputSize}, deadline);
    if (!n || *n == 0) co_return;
    taken += *n;
  }
}

// --- ends ---

void Session::write_goaway(std::uint32_t last, ErrorCode code) {
  std::array<char, 8> payload;
  write_u32(write_u32(payload.data(), last), static_cast<std::uint32_t>(code));
  write_frame(FrameType::kGoaway, 0, 0, {payload.data(), payload.size()});
}

void Session::fail_connection(ErrorCode code) {
  if (std::exchange(is_failed_, true)) return;
  ++server_.counts_.h2.connection_errors;
  log::debug("HTTP/2 {}: {}", to_string(peer_), to_string(code));
  write_goaway(last_id_, code);
}

void Session::stop_flood(Flood kind) {
  if (is_failed_) return;
  ++server_.counts_.h2.floods[static_cast<std::size_t>(kind)];
  log::debug("HTTP/2 {}: connection ended, {}", to_string(peer_), to_string(kind));
  fail_connection(ErrorCode::kEnhanceYourCalm);
}

void Session::begin_leaving() {
  if (std::exchange(is_leaving_, true) || is_failed_) return;
  write_goaway(kMaxStreamId, ErrorCode::kNoError);
  // Its answer tells that the client has seen the announcement.
  write_frame(FrameType::kPing, 0, 0, "yzleave!");
  next_look_ = reactor().in(std::chrono::seconds(1));
  flush_soon();
}

void Session::finish_leaving() {
  if (!is_leaving_ || std::exchange(refuses_, true)) return;
  write_goaway(last_id_, ErrorCode::kNoError);
  flush_soon();
}

void Session::count_wasted(Flood kind) {
  if (!guard_.count_wasted(reactor().now())) stop_flood(kind);
}

void Session::fail_stream(std::uint32_t id, ErrorCode code) {
  ++server_.counts_.h2.resets_for_error;
  write_reset(id, code);
  if (Stream* stream = find(id)) {
    drop(*stream, true);
  } else {
    forget(id, true);
  }
  count_wasted(Flood::kInducedReset);
}

void Session::refuse_stream(std::uint32_t id) {
  ++server_.counts_.h2.resets_refused;
  write_reset(id, ErrorCode::kRefusedStream);
  forget(id, true);
  if (!is_leaving_) count_wasted(Flood::kInducedReset);
}

void Session::drop(Stream& stream, bool was_reset_by_us) {
  stream.cancel_work();
  forget(stream.id, was_reset_by_us);
  release(stream);
}

void Session::forget(std::uint32_t id, bool was_reset_by_us) {
  gone_[gone_next_] = {id, was_reset_by_us};
  gone_next_ = (gone_next_ + 1) % gone_.size();
}

const Session::Gone* Session::find_gone(std::uint32_t id) const {
  const auto it = std::find_if(gone_.begin(), gone_.end(), [id](const Gone& gone) { return gone.id == id; });
  return it == gone_.end() ? nullptr : &*it;
}

void Session::end_stream(Stream& stream, ErrorCode code) {
  // An answer that did not wait for the rest of an upload ends that as well (RFC 9113 §8.1).
  const bool is_reset = code != ErrorCode::kNoError || !stream.has_received_end_;
  if (code == ErrorCode::kNoError) {
    guard_.count_completed();
  } else {
    ++server_.counts_.h2.resets_aborted;
  }
  if (is_reset && !is_dead_) write_reset(stream.id, code);
  forget(stream.id, is_reset);
  release(stream);
  flush_soon();
}

// --- streams ---

Stream* Session::find(std::uint32_t id) {
  const auto it = std::find(ids_.begin(), ids_.end(), id);
  return it == ids_.end() ? nullptr : table_[static_cast<std::size_t>(it - ids_.begin())];
}

Stream& Session::take_stream(std::uint32_t id) {
  auto& spare = server_.spares_->streams;
  std::unique_ptr<Stream> stream;
  if (spare.empty()) {
    stream = std::make_unique<Stream>();
  } else {
    stream = std::move(spare.back());
    spare.pop_back();
  }
  if (table_.empty()) ++server_.counts_.busy;
  ++server_.counts_.h2.streams;
  stream->index_ = table_.size();
  stream->open(*this, id, peer_settings_.initial_window, limits().stream_window);
  ids_.push_back(id);
  table_.push_back(stream.release());
  return *table_.back();
}

void Session::release(Stream& stream) {
  stream.unlink();
  credit_connection(stream.body_.size() - stream.body_at_);
  const std::size_t i = stream.index_;
  ids_[i] = ids_.back();
  table_[i] = table_.back();
  table_[i]->index_ = i;
  ids_.pop_back();
  table_.pop_back();
  if (table_.empty()) --server_.counts_.busy;
  for (std::string* text : {&stream.body_, &stream.exchange_.body_text_}) {
    if (text->capacity() > kInputSize) std::string().swap(*text);
  }
  server_.spares_->streams.emplace_back(&stream);
}

}  // namespace yz::net::h2
