#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "net/h2/head_encoder.h"
#include "net/h2/session.h"

namespace yz::net::h2 {
namespace {

/// A body this small goes straight behind its head; larger ones go by priority.
constexpr std::size_t kDirectBody = 16 * 1024;
/// Rather than a shorter part of a body than this, the next write is waited for.
constexpr std::size_t kLeastRoom = 1024;
/// What is written to a connection before others on the reactor have their turn.
constexpr std::size_t kWrittenPerTurn = 512 * 1024;

}  // namespace

/// Awaitable of the writer: until there may be something to write.
struct Session::WriterPause {
  Session& session;
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) const { session.paused_writer_ = handle; }
  void await_resume() const { session.paused_writer_ = {}; }
};

io::Task<void> Session::write_loop() {
  std::size_t written_in_turn = 0;
  while (true) {
    fill();
    if (out_.is_empty()) {
      out_.release();
      sending_.release();
      if (refuses_ && table_.empty()) stream_.shutdown_write();
      co_await WriterPause{*this};
      continue;
    }
    out_.swap(sending_);
    is_writing_ = true;
    const Status written = co_await stream_.write_all(sending_.text(), options().write_stall);
    is_writing_ = false;
    written_in_turn += sending_.size();
    sending_.clear();
    wake_reader();
    if (!written) {
      is_dead_ = true;
      stream_.shutdown_both();  // the reader sees it, and ends everything
      co_return;
    }
    if (written_in_turn < kWrittenPerTurn) continue;
    // A client that takes as fast as it is given would keep everybody else waiting.
    written_in_turn = 0;
    co_await io::yield();
  }
}

void Session::flush_now() {
  if (!paused_writer_) return;
  writer_node_.unlink();
  paused_writer_.resume();
}

void Session::flush_soon() {
  if (is_in_reader_ || !paused_writer_ || writer_node_.is_linked()) return;
  writer_node_.handle = paused_writer_;
  reactor().resume_next_turn(writer_node_);
}

void Session::wake_reader() {
  if (!waiting_reader_ || reader_node_.is_linked()) return;
  reader_node_.handle = waiting_reader_;
  reactor().resume_next_turn(reader_node_);
}

void Session::fill() {
  while (send_window_ > 0 && !is_failed_ && out_.size() + kLeastRoom <= OutBuffer::kTarget) {
    auto* const stream = static_cast<Stream*>(queue_.front());
    if (stream == nullptr) return;
    if (!write_data(*stream)) {
      stream->unlink();  // its window is shut; comes back when it opens
      continue;
    }
    if (stream->pending_size_ > 0) {
      if (stream->priority.incremental) queue_.rotate(*stream);
      continue;
    }
    stream->unlink();
    if (stream->sender_) std::exchange(stream->sender_, {}).resume();
  }
}

void Session::send(Stream& stream) {
  if (stream.pending_size_ == 0) {
    if (stream.pending_ends_) {
      write_frame(FrameType::kData, kEndStream, stream.id, {});
      stream.has_sent_end_ = true;
    }
    return;
  }
  stream.moved_at_ = reactor().now();
  if (stream.pending_size_ <= kDirectBody && out_.size() + kLeastRoom <= OutBuffer::kTarget) {
    const Prioritised* const first = queue_.front();
    if (first == nullptr || first->priority.urgency > stream.priority.urgency) {
      while (stream.pending_size_ > 0 && write_data(stream)) {
      }
    }
  }
  if (stream.pending_size_ > 0) requeue(stream);
  flush_soon();
}

void Session::requeue(Stream& stream) {
  if (stream.pending_size_ > 0 && stream.send_window_ > 0) queue_.add(stream);
}

bool Session::write_data(Stream& stream) {
  const std::int64_t window = std::min(send_window_, stream.send_window_);
  if (window <= 0 || out_.size() + kLeastRoom > OutBuffer::kTarget) return false;
  const std::size_t room = OutBuffer::kTarget - out_.size();
  const std::size_t size = std::min(
      {stream.pending_size_, static_cast<std::size_t>(window), room, static_cast<std::size_t>(kDefaultFrameSize)});
  const bool ends = stream.pending_ends_ && size == stream.pending_size_;
  char* out = out_.reserve(kFrameHeaderSize + size);
  out = write_frame_header(out, size, FrameType::kData, ends ? kEndStream : 0, stream.id);
  stream.copy_pending(out, size);
  out_.set_end(out + size);
  stream.has_sent_end_ = ends;
  stream.bytes_out_ += kFrameHeaderSize + size;
  stream.moved_at_ = window_moved_at_ = reactor().now();
  send_window_ -= static_cast<std::int64_t>(size);
  stream.send_window_ -= static_cast<std::int64_t>(size);
  guard_.count_sent(size);
  return true;
}

void Session::write_head(Stream& stream, http::StatusCode status, std::span<const iovec> head,
                         std::optional<std::uint64_t> length, bool ends) {
  char* const start = out_.reserve(encoded_bound(head));
  char* const block = start + kFrameHeaderSize;
  char* end = encode_status(block, status);
  HeadMemo& memo = server_.spares_->heads;
  for (const iovec& piece : head) end = memo.encode(end, {static_cast<const char*>(piece.iov_base), piece.iov_len});
  if (length) end = encode_field(end, http::FieldId::kContentLength, *length);
  const auto size = static_cast<std::size_t>(end - block);
  const std::uint8_t flags = ends ? kEndStream : 0;
  if (size <= kDefaultFrameSize) {
    write_frame_header(start, size, FrameType::kHeaders, flags | kEndHeaders, stream.id);
    out_.set_end(end);
    stream.bytes_out_ += kFrameHeaderSize + size;
  } else {
    // Longer than a frame may be: parts (RFC 9113 §6.10), from a copy because their headers go between.
    const std::string whole(block, size);
    for (std::size_t at = 0; at < size; at += kDefaultFrameSize) {
      const std::string_view part = std::string_view(whole).substr(at, kDefaultFrameSize);
      const std::uint8_t last = at + part.size() == size ? kEndHeaders : 0;
      const std::uint8_t first = at == 0 ? flags : 0;
      write_frame(at == 0 ? FrameType::kHeaders : FrameType::kContinuation, first | last, stream.id, part);
      stream.bytes_out_ += kFrameHeaderSize + part.size();
    }
  }
  flush_soon();
}

void Session::write_frame(FrameType type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  char* out = out_.reserve(kFrameHeaderSize + payload.size());
  out = write_frame_header(out, payload.size(), type, flags, id);
  if (!payload.empty()) std::memcpy(out, payload.data(), payload.size());
  out_.set_end(out + payload.size());
  flush_soon();
}

void Session::write_reset(std::uint32_t id, ErrorCode code) {
  std::array<char, 4> payload;
  write_u32(payload.data(), static_cast<std::uint32_t>(code));
  write_frame(FrameType::kRstStream, 0, id, {payload.data(), payload.size()});
}

void Session::write_window_update(std::uint32_t id, std::size_t size) {
  std::array<char, 4> payload;
  write_u32(payload.data(), static_cast<std::uint32_t>(size));
  write_frame(FrameType::kWindowUpdate, 0, id, {payload.data(), payload.size()});
}

void Session::credit_connection(std::size_t size) {
  uncredited_ += size;
  if (uncredited_ * 2 < limits().connection_window || is_dead_) return;
  receive_window_ += static_cast<std::int64_t>(uncredited_);
  write_window_update(0, std::exchange(uncredited_, 0));
}

void Session::write_settings() {
  std::array<char, 24> payload;
  char* at = write_setting(payload.data(), SettingId::kMaxConcurrentStreams, limits().max_streams);
  at = write_setting(at, SettingId::kInitialWindowSize, limits().stream_window);
  at = write_setting(at, SettingId::kMaxHeaderListSize, static_cast<std::uint32_t>(options().rules.limits.head));
  write_setting(at, SettingId::kNoRfc7540Priorities, 1);
  write_frame(FrameType::kSettings, 0, 0, {payload.data(), payload.size()});
  const std::int64_t more = limits().connection_window - kDefaultWindow;
  if (more <= 0) return;
  write_window_update(0, static_cast<std::size_t>(more));
  receive_window_ += more;
}

}  // namespace yz::net::h2
