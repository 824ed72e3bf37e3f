#include <algorithm>
#include <array>

#include "net/h2/session.h"

namespace yz::net::h2 {
namespace {

/// PRIORITY_UPDATE frames kept for streams that did not begin yet.
constexpr std::size_t kMaxAnnounced = 32;
constexpr std::string_view kLeavePing = "yzleave!";

bool is_empty_part(const Frame& frame, std::uint8_t end_flag) { return frame.payload.empty() && !frame.has(end_flag); }

}  // namespace

void Session::take_control_token(Flood kind) {
  if (!guard_.count_control(reactor().now())) stop_flood(kind);
}

void Session::on_frame(const Frame& frame) {
  if (!has_settings_) {
    if (frame.type != FrameType::kSettings || frame.has(kAck)) return fail_connection(ErrorCode::kProtocolError);
    has_settings_ = true;
  }
  // Nothing may come between the parts of a header block (RFC 9113 §4.3).
  const bool continues = frame.type == FrameType::kContinuation;
  if (continues != (block_ != Block::kNone) || (continues && frame.stream != block_stream_)) {
    return fail_connection(ErrorCode::kProtocolError);
  }
  switch (frame.type) {
    case FrameType::kData:
      return on_data(frame);
    case FrameType::kHeaders:
      return on_headers(frame);
    case FrameType::kContinuation:
      return on_continuation(frame);
    case FrameType::kSettings:
      return on_settings(frame);
    case FrameType::kPing:
      return on_ping(frame);
    case FrameType::kRstStream:
      return on_reset(frame);
    case FrameType::kWindowUpdate:
      return on_window_update(frame);
    case FrameType::kPriorityUpdate:
      return on_priority_update(frame);
    case FrameType::kPriority:
    case FrameType::kGoaway:
    case FrameType::kPushPromise:
      break;
  }
  take_control_token(Flood::kControlFrames);  // PRIORITY (deprecated), GOAWAY and what nobody knows: nothing to do
}

void Session::on_data(const Frame& frame) {
  receive_window_ -= frame.flow_size;
  if (receive_window_ < 0) return fail_connection(ErrorCode::kFlowControlError);
  if (is_empty_part(frame, kEndStream)) take_control_token(Flood::kEmptyFrames);
  Stream* const stream = find(frame.stream);
  if (stream == nullptr) return on_stray_data(frame);
  const std::size_t padding = frame.flow_size - frame.payload.size();
  if (stream->has_received_end_) {
    credit_connection(frame.flow_size);
    return fail_stream(frame.stream, ErrorCode::kStreamClosed);
  }
  stream->receive_window_ -= frame.flow_size;
  stream->exchange_.bytes_in_ += frame.flow_size + kFrameHeaderSize;
  const http::RequestHead& head = stream->exchange_.head_;
  const std::uint64_t received = stream->body_received_ + frame.payload.size();
  const bool ends = frame.has(kEndStream);
  ErrorCode error = ErrorCode::kNoError;
  if (stream->receive_window_ < 0) error = ErrorCode::kFlowControlError;
  if (head.framing != http::Framing::kChunked &&
      (received > head.content_length || (ends && received != head.content_length))) {
    error = ErrorCode::kProtocolError;  // not the length it promised (RFC 9113 §8.1.1)
  }
  if (error != ErrorCode::kNoError) {
    credit_connection(frame.flow_size);
    return fail_stream(frame.stream, error);
  }
  if (padding > 0) stream->credit(padding);
  stream->receive(frame.payload, ends);
}

/// DATA for a stream that is not, or no longer, open (RFC 9113 §5.1).
void Session::on_stray_data(const Frame& frame) {
  if (frame.stream > last_id_) return fail_connection(ErrorCode::kProtocolError);
  credit_connection(frame.flow_size);
  const Gone* const gone = find_gone(frame.stream);
  if (gone != nullptr && gone->was_reset_by_us) return;  // was on its way already
  fail_stream(frame.stream, ErrorCode::kStreamClosed);
}

void Session::on_headers(const Frame& frame) {
  block_ = open_block(frame);
  if (is_failed_) return;
  block_stream_ = frame.stream;
  block_parts_ = 0;
  block_ends_stream_ = frame.has(kEndStream);
  stuck_since_ = reactor().now();
  feed_block(frame);
}

/// What the block that begins here is of; prepares the decoder for it.
Session::Block Session::open_block(const Frame& frame) {
  block_error_ = ErrorCode::kNoError;
  if (frame.depends_on_itself) block_error_ = ErrorCode::kProtocolError;
  if (Stream* const stream = find(frame.stream)) {
    if (stream->has_received_end_) block_error_ = ErrorCode::kStreamClosed;
    decoder_.begin_trailers();
    return Block::kTrailers;
  }
  if (frame.stream <= last_id_) {
    const Gone* const gone = find_gone(frame.stream);
    if (gone == nullptr) fail_connection(ErrorCode::kProtocolError);
    if (gone != nullptr && !gone->was_reset_by_us) fail_connection(ErrorCode::kStreamClosed);
    decoder_.begin_discarded();
    return Block::kDiscarded;
  }
  if (frame.stream % 2 == 0) {
    fail_connection(ErrorCode::kProtocolError);
    return Block::kDiscarded;
  }
  last_id_ = frame.stream;
  if (refuses_ || table_.size() >= limits().max_streams) {
    if (block_error_ == ErrorCode::kNoError) block_error_ = ErrorCode::kRefusedStream;
    decoder_.begin_discarded();
    return Block::kDiscarded;
  }
  Stream& stream = take_stream(frame.stream);
  block_request_ = &stream;
  decoder_.begin_request(stream.exchange_.head_, stream.arena_);
  return Block::kRequest;
}

void Session::on_continuation(const Frame& frame) {
  if (++block_parts_ > limits().max_continuations) return stop_flood(Flood::kContinuation);
  if (is_empty_part(frame, kEndHeaders)) take_control_token(Flood::kEmptyFrames);
  feed_block(frame);
}

void Session::feed_block(const Frame& frame) {
  switch (decoder_.feed(frame.payload, frame.has(kEndHeaders))) {
    case HeadDecoder::Fed::kBroken:
      return fail_connection(ErrorCode::kCompressionError);
    case HeadDecoder::Fed::kTooLarge:
      return stop_flood(Flood::kHeadSize);
    case HeadDecoder::Fed::kOk:
      break;
  }
  if (block_ == Block::kRequest) block_request_->head_bytes_ += frame.payload.size() + kFrameHeaderSize;
  if (frame.has(kEndHeaders)) finish_block();
}

void Session::finish_block() {
  const Block kind = std::exchange(block_, Block::kNone);
  const HeadOutcome outcome = decoder_.finish(block_ends_stream_);
  if (block_error_ == ErrorCode::kRefusedStream) return refuse_stream(block_stream_);
  if (block_error_ != ErrorCode::kNoError) return fail_stream(block_stream_, block_error_);
  if (kind == Block::kDiscarded) return;
  Stream* const stream = kind == Block::kRequest ? block_request_ : find(block_stream_);
  if (stream == nullptr) return;
  if (outcome.is_malformed) return fail_stream(block_stream_, ErrorCode::kProtocolError);
  if (kind == Block::kRequest) return finish_request(*stream, outcome);
  const http::RequestHead& head = stream->exchange_.head_;
  if (head.framing != http::Framing::kChunked && stream->body_received_ != head.content_length) {
    return fail_stream(block_stream_, ErrorCode::kProtocolError);
  }
  stream->receive({}, true);
}

void Session::finish_request(Stream& stream, const HeadOutcome& outcome) {
  if (!decoder_.priority().empty()) stream.priority = parse_priority(decoder_.priority());
  if (!announced_.empty()) {
    const auto it =
        std::find_if(announced_.begin(), announced_.end(), [&](const Announced& a) { return a.id == stream.id; });
    if (it != announced_.end()) stream.priority = it->priority;
    std::erase_if(announced_, [&](const Announced& a) { return a.id <= stream.id; });
  }
  if (outcome.refusal != http::HeadError::kNone) {
    ++server_.counts_.bad_requests;
    stream.has_received_end_ = block_ends_stream_;
    stream.send_head(http::status_for(outcome.refusal), {}, 0, true);
    return end_stream(stream, ErrorCode::kNoError);
  }
  ++server_.counts_.requests;
  stream.start(server_.handler_, block_ends_stream_);
  if (last_id_ / 2 >= limits().max_requests) begin_leaving();
}

void Session::on_settings(const Frame& frame) {
  take_control_token(Flood::kControlFrames);
  if (frame.has(kAck)) return;
  const std::int64_t before = peer_settings_.initial_window;
  const ErrorCode error = peer_settings_.apply(frame.payload);
  if (error != ErrorCode::kNoError) return fail_connection(error);
  const std::int64_t change = peer_settings_.initial_window - before;
  for (Stream* const stream : table_) {
    stream->send_window_ += change;  // may become negative (RFC 9113 §6.9.2)
    if (stream->send_window_ > kMaxWindow) return fail_connection(ErrorCode::kFlowControlError);
    requeue(*stream);
  }
  write_frame(FrameType::kSettings, kAck, 0, {});
}

void Session::on_ping(const Frame& frame) {
  take_control_token(Flood::kControlFrames);
  if (!frame.has(kAck)) return write_frame(FrameType::kPing, kAck, 0, frame.payload);
  if (frame.payload == kLeavePing) finish_leaving();
}

void Session::on_reset(const Frame& frame) {
  Stream* const stream = find(frame.stream);
  if (stream == nullptr) {
    if (frame.stream > last_id_) return fail_connection(ErrorCode::kProtocolError);
    return take_control_token(Flood::kControlFrames);
  }
  ++server_.counts_.h2.resets_by_client;
  drop(*stream, false);
  count_wasted(Flood::kRapidReset);
}

void Session::on_window_update(const Frame& frame) {
  if (!guard_.count_window_update(reactor().now())) return stop_flood(Flood::kWindowUpdates);
  const MonoTime now = reactor().now();
  if (frame.stream == 0) {
    send_window_ += frame.number;
    window_moved_at_ = now;
    if (send_window_ > kMaxWindow) fail_connection(ErrorCode::kFlowControlError);
    return;
  }
  Stream* const stream = find(frame.stream);
  if (stream == nullptr) {
    if (frame.stream > last_id_) fail_connection(ErrorCode::kProtocolError);
    return;
  }
  stream->send_window_ += frame.number;
  if (stream->send_window_ > kMaxWindow) return fail_stream(frame.stream, ErrorCode::kFlowControlError);
  stream->moved_at_ = now;
  requeue(*stream);
}

void Session::on_priority_update(const Frame& frame) {
  take_control_token(Flood::kControlFrames);
  const Priority priority = parse_priority(frame.payload);
  if (Stream* const stream = find(frame.number)) return queue_.change(*stream, priority);
  if (frame.number <= last_id_ || frame.number % 2 == 0) return;
  const auto it =
      std::find_if(announced_.begin(), announced_.end(), [&](const Announced& a) { return a.id == frame.number; });
  if (it != announced_.end()) {
    it->priority = priority;
  } else if (announced_.size() < kMaxAnnounced) {
    announced_.push_back({frame.number, priority});
  }
}

}  // namespace yz::net::h2
