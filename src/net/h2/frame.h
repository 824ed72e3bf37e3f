#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace yz::net::h2 {

/// Frame types of RFC 9113 §6 and RFC 9218 §7.1; any other value may occur and is ignored.
enum class FrameType : std::uint8_t {
  kData = 0x0,
  kHeaders = 0x1,
  kPriority = 0x2,
  kRstStream = 0x3,
  kSettings = 0x4,
  kPushPromise = 0x5,
  kPing = 0x6,
  kGoaway = 0x7,
  kWindowUpdate = 0x8,
  kContinuation = 0x9,
  kPriorityUpdate = 0x10,
};

/// RFC 9113 §7.
enum class ErrorCode : std::uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kFlowControlError = 0x3,
  kSettingsTimeout = 0x4,
  kStreamClosed = 0x5,
  kFrameSizeError = 0x6,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kCompressionError = 0x9,
  kConnectError = 0xa,
  kEnhanceYourCalm = 0xb,
  kInadequateSecurity = 0xc,
  kHttp11Required = 0xd,
};
[[nodiscard]] std::string_view to_string(ErrorCode code);

inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriorityFlag = 0x20;

inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::size_t kFrameHeaderSize = 9;
inline constexpr std::uint32_t kDefaultFrameSize = 16384;  ///< SETTINGS_MAX_FRAME_SIZE unless told otherwise
inline constexpr std::int64_t kDefaultWindow = 65535;
inline constexpr std::int64_t kMaxWindow = 0x7fffffff;
inline constexpr std::uint32_t kMaxStreamId = 0x7fffffff;

/// What was broken and how far it reaches: `stream` 0 ends the connection, else that stream alone (RFC 9113 §5.4).
struct FrameError {
  ErrorCode code = ErrorCode::kNoError;
  std::uint32_t stream = 0;
};

/// One frame that obeys the rules of its type about length, stream id and padding.
struct Frame {
  FrameType type = FrameType::kData;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t flow_size = 0;     ///< DATA: bytes that count against the windows, padding included
  bool depends_on_itself = false;  ///< HEADERS: an error of the stream, but its block must be decoded
  std::uint32_t number = 0;        ///< WINDOW_UPDATE increment; RST_STREAM and GOAWAY error; PRIORITY_UPDATE stream
  std::string_view payload;        ///< without padding, priority fields and `number`
  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

enum class FrameState : std::uint8_t { kFrame, kIncomplete, kError };

struct FrameStep {
  FrameState state = FrameState::kIncomplete;
  std::size_t consumed = 0;  ///< with kFrame, and with kError of a stream
  Frame frame;
  FrameError error;
};

/// Takes the frame at the start of `bytes` when it is there whole. Frames longer than `max_size` are refused as soon as
/// their header is seen. Pure: whether a frame may come now is the session's to say.
[[nodiscard]] FrameStep next_frame(std::string_view bytes, std::uint32_t max_size);

/// Writes the nine bytes of a frame header (RFC 9113 §4.1); returns the place behind them.
char* write_frame_header(char* out, std::size_t length, FrameType type, std::uint8_t flags, std::uint32_t stream);
/// Writes 32 bits in network order.
char* write_u32(char* out, std::uint32_t value);
[[nodiscard]] std::uint32_t read_u32(const char* in);

}  // namespace yz::net::h2
