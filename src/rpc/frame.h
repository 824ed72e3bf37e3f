#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rpc/wire.h"

// The channel as bytes (docs/formats/node-channel.md). Included by this room's sources only.

namespace yz::rpc {

/// What follows a frame's head.
enum class FrameKind : std::uint8_t {
  kMessage = 1,  ///< a NodeMessage or a ControlMessage
  kEnrol = 2,    ///< an EnrolRequest or an EnrolResponse
  kEnd = 3,      ///< an End: why the sender closes; nothing follows
  kPing = 4,     ///< empty; to be answered by kPong
  kPong = 5,
};

inline constexpr std::size_t kFrameHead = 4;             ///< the kind, and the length of what follows, big-endian
inline constexpr std::size_t kMaxFrame = (1 << 24) - 1;  ///< what may follow
inline constexpr std::size_t kMaxNodeFrame = 4 << 20;    ///< of a node that control knows
inline constexpr std::size_t kMaxFirstFrame = 64 << 10;  ///< of somebody of whom nothing is known yet

struct Frame {
  FrameKind kind;
  std::string_view body;
};

/// A frame to be written. A large payload is not copied: the frames of thousands of sessions share it and keep it
/// alive.
struct OutFrame {
  std::string head;     ///< all of it, but for the payload
  SharedBytes payload;  ///< null: there is nothing behind the head
  Slice slice;

  [[nodiscard]] std::string_view tail() const {
    return payload ? std::string_view(*payload).substr(slice.offset, slice.size) : std::string_view();
  }
  [[nodiscard]] std::size_t size() const { return head.size() + (payload ? slice.size : 0); }
};

/// Takes a connection's bytes apart, however they come.
class FrameReader {
 public:
  using OnFrame = std::function<Status(const Frame&)>;

  explicit FrameReader(std::size_t max_body) : max_body_(max_body) {}
  void set_max_body(std::size_t max_body) { max_body_ = max_body; }

  /// Calls `on_frame` for each frame that `bytes` complete; the frame is gone when it returns. Fails with kInvalid on
  /// what is no frame, kLimit on one that is too long, and with what `on_frame` failed with: the connection is to be
  /// ended then.
  [[nodiscard]] Status read(std::string_view bytes, const OnFrame& on_frame);

 private:
  [[nodiscard]] Result<std::size_t> read_whole(std::string_view bytes, const OnFrame& on_frame) const;

  std::size_t max_body_;
  std::string pending_;  // of a frame that is not whole
};

namespace wire {

/// `message` with `slice` of its payload, as protobuf writes it, in a frame.
[[nodiscard]] OutFrame to_frame(const ControlMessage& message, Slice slice);
[[nodiscard]] OutFrame to_frame(const NodeMessage& message, Slice slice);
[[nodiscard]] OutFrame to_frame(FrameKind kind, const google::protobuf::MessageLite& message);
[[nodiscard]] OutFrame bare_frame(FrameKind kind);
/// Why a connection is closed.
[[nodiscard]] OutFrame end_frame(const Error& error);
/// What the other end closed it for. Fails with kInvalid.
[[nodiscard]] Result<Error> read_end(std::string_view body);

/// Reads one message. Fails with kInvalid when it is none.
[[nodiscard]] Status parse(std::string_view body, google::protobuf::MessageLite& out);

}  // namespace wire
}  // namespace yz::rpc
