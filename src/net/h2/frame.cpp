#include "net/h2/frame.h"

#include <array>

namespace yz::net::h2 {
namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); }

FrameStep broken(ErrorCode code, std::uint32_t stream = 0, std::size_t consumed = 0) {
  return {.state = FrameState::kError, .consumed = consumed, .frame = {}, .error = {code, stream}};
}

enum class StreamRule : std::uint8_t { kAny, kZero, kNonZero };

/// What RFC 9113 §6 asks of a type before its payload is looked at.
struct TypeRule {
  StreamRule stream = StreamRule::kAny;
  std::uint32_t least = 0;
  std::uint32_t most = UINT32_MAX;
};

TypeRule rule_of(FrameType type) {
  switch (type) {
    case FrameType::kData:
    case FrameType::kHeaders:
    case FrameType::kContinuation:
      return {.stream = StreamRule::kNonZero};
    case FrameType::kPriority:
      return {.stream = StreamRule::kNonZero};
    case FrameType::kRstStream:
      return {.stream = StreamRule::kNonZero, .least = 4, .most = 4};
    case FrameType::kSettings:
      return {.stream = StreamRule::kZero};
    case FrameType::kPing:
      return {.stream = StreamRule::kZero, .least = 8, .most = 8};
    case FrameType::kGoaway:
      return {.stream = StreamRule::kZero, .least = 8};
    case FrameType::kWindowUpdate:
      return {.stream = StreamRule::kAny, .least = 4, .most = 4};
    case FrameType::kPriorityUpdate:
      return {.stream = StreamRule::kZero, .least = 4};
    case FrameType::kPushPromise:
      break;
  }
  return {};
}

/// RFC 9113 §6.1: the pad length, that much of the end, and nothing left over is an error.
bool strip_padding(Frame& frame) {
  if (!frame.has(kPadded)) return true;
  if (frame.payload.empty()) return false;
  const std::size_t padding = byte_at(frame.payload, 0);
  frame.payload.remove_prefix(1);
  if (padding > frame.payload.size()) return false;
  frame.payload.remove_suffix(padding);
  return true;
}

/// The payload's own rules; kNoError when they hold.
FrameError read_payload(Frame& frame) {
  switch (frame.type) {
    case FrameType::kData:
      frame.flow_size = static_cast<std::uint32_t>(frame.payload.size());
      if (!strip_padding(frame)) return {ErrorCode::kProtocolError, 0};
      break;
    case FrameType::kHeaders:
      if (frame.has(kPadded) && frame.payload.empty()) return {ErrorCode::kFrameSizeError, 0};
      if (!strip_padding(frame)) return {ErrorCode::kProtocolError, 0};
      if (frame.has(kPriorityFlag)) {
        if (frame.payload.size() < 5) return {ErrorCode::kFrameSizeError, 0};
        frame.depends_on_itself = (read_u32(frame.payload.data()) & kMaxStreamId) == frame.stream;
        frame.payload.remove_prefix(5);
      }
      break;
    case FrameType::kPriority:
      if (frame.payload.size() != 5) return {ErrorCode::kFrameSizeError, frame.stream};
      if ((read_u32(frame.payload.data()) & kMaxStreamId) == frame.stream)
        return {ErrorCode::kProtocolError, frame.stream};
      break;
    case FrameType::kSettings:
      if (frame.has(kAck) ? !frame.payload.empty() : frame.payload.size() % 6 != 0)
        return {ErrorCode::kFrameSizeError, 0};
      break;
    case FrameType::kRstStream:
      frame.number = read_u32(frame.payload.data());
      break;
    case FrameType::kGoaway:
      frame.number = read_u32(frame.payload.data() + 4);
      break;
    case FrameType::kWindowUpdate:
      frame.number = read_u32(frame.payload.data()) & kMaxStreamId;
      if (frame.number == 0) return {ErrorCode::kProtocolError, frame.stream};
      break;
    case FrameType::kPriorityUpdate:
      frame.number = read_u32(frame.payload.data()) & kMaxStreamId;
      frame.payload.remove_prefix(4);
      if (frame.number == 0) return {ErrorCode::kProtocolError, 0};
      break;
    case FrameType::kPushPromise:
      return {ErrorCode::kProtocolError, 0};  // clients cannot push (RFC 9113 §8.4)
    case FrameType::kPing:
    case FrameType::kContinuation:
      break;
  }
  return {};
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  constexpr std::array<std::string_view, 14> kNames = {"NO_ERROR",
                                                       "PROTOCOL_ERROR",
                                                       "INTERNAL_ERROR",
                                                       "FLOW_CONTROL_ERROR",
                                                       "SETTINGS_TIMEOUT",
                                                       "STREAM_CLOSED",
                                                       "FRAME_SIZE_ERROR",
                                                       "REFUSED_STREAM",
                                                       "CANCEL",
                                                       "COMPRESSION_ERROR",
                                                       "CONNECT_ERROR",
                                                       "ENHANCE_YOUR_CALM",
                                                       "INADEQUATE_SECURITY",
                                                       "HTTP_1_1_REQUIRED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "unknown";
}

FrameStep next_frame(std::string_view bytes, std::uint32_t max_size) {
  if (bytes.size() < kFrameHeaderSize) return {};
  const std::uint32_t size = read_u32(bytes.data()) >> 8;
  if (size > max_size) return broken(ErrorCode::kFrameSizeError);
  if (bytes.size() - kFrameHeaderSize < size) return {};
  FrameStep step{.state = FrameState::kFrame, .consumed = kFrameHeaderSize + size, .frame = {}, .error = {}};
  Frame& frame = step.frame;
  frame.type = static_cast<FrameType>(byte_at(bytes, 3));
  frame.flags = byte_at(bytes, 4);
  frame.stream = read_u32(bytes.data() + 5) & kMaxStreamId;
  frame.payload = bytes.substr(kFrameHeaderSize, size);

  const TypeRule rule = rule_of(frame.type);
  const bool fits = rule.stream == StreamRule::kAny || (rule.stream == StreamRule::kZero) == (frame.stream == 0);
  if (!fits) return broken(ErrorCode::kProtocolError);
  if (size < rule.least || size > rule.most) return broken(ErrorCode::kFrameSizeError);
  const FrameError error = read_payload(frame);
  if (error.code != ErrorCode::kNoError) return broken(error.code, error.stream, step.consumed);
  return step;
}

char* write_frame_header(char* out, std::size_t length, FrameType type, std::uint8_t flags, std::uint32_t stream) {
  write_u32(out, static_cast<std::uint32_t>(length) << 8 | static_cast<std::uint32_t>(type));
  out[4] = static_cast<char>(flags);
  return write_u32(out + 5, stream);
}

char* write_u32(char* out, std::uint32_t value) {
  out[0] = static_cast<char>(value >> 24);
  out[1] = static_cast<char>(value >> 16);
  out[2] = static_cast<char>(value >> 8);
  out[3] = static_cast<char>(value);
  return out + 4;
}

std::uint32_t read_u32(const char* in) {
  const auto byte = [&](int i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(in[i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

}  // namespace yz::net::h2
