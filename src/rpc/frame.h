#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"
#include "rpc/wire.h"

// Control's messages as gRPC carries them. Included by this room's sources only.

namespace yz::rpc::wire {

/// The bytes of a message with `slice` of its payload, as protobuf writes them. A payload is not copied: the frames of
/// thousands of sessions share the one in `message`, and keep it alive.
[[nodiscard]] grpc::ByteBuffer to_frame(const ControlMessage& message, Slice slice);

/// Reads a node's message. Fails with kInvalid when it is none. Takes the bytes out of `frame`.
[[nodiscard]] Status from_frame(grpc::ByteBuffer& frame, pb::NodeMessage& out);

}  // namespace yz::rpc::wire
