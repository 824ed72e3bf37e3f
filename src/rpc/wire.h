#pragma once

#include <cstddef>
#include <optional>

#include "base/result.h"
#include "rpc/node_messages.h"
#include "rpc/payload.h"
#include "yizhan/v1/node.pb.h"

// Between the plain messages and the generated ones. Included by this room's sources only.

namespace yz::rpc::wire {

namespace pb = ::yizhan::v1;

[[nodiscard]] pb::Role to_wire(Role role);
/// Fails with kInvalid on a role this version does not know.
[[nodiscard]] Result<Role> from_wire(pb::Role role);

void to_wire(const Hello& hello, pb::NodeMessage& out);
[[nodiscard]] Result<Hello> hello_from_wire(pb::NodeMessage&& in);

/// `slice` of the payload goes with it; ignored by messages without one.
void to_wire(const NodeMessage& message, Slice slice, pb::NodeMessage& out);
void to_wire(const ControlMessage& message, Slice slice, pb::ControlMessage& out);

/// One direction of one session: turns messages back, putting payloads together.
class NodeMessageReader {
 public:
  NodeMessageReader();
  /// None while a payload is incomplete, and for kinds this version does not know (a newer peer's). Fails with kInvalid
  /// or kLimit on what no peer of ours sends; the session is to be ended then.
  [[nodiscard]] Result<std::optional<NodeMessage>> read(pb::NodeMessage&& in);

 private:
  PieceAssembler usage_;
  PieceAssembler logs_;
};

class ControlMessageReader {
 public:
  ControlMessageReader();
  /// As NodeMessageReader::read.
  [[nodiscard]] Result<std::optional<ControlMessage>> read(pb::ControlMessage&& in);

 private:
  PieceAssembler config_;
  PieceAssembler purges_;
};

}  // namespace yz::rpc::wire
