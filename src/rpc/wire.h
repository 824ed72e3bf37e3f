#pragma once

#include <cstddef>
#include <memory>
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
  ~NodeMessageReader();
  NodeMessageReader(NodeMessageReader&&) = default;
  NodeMessageReader& operator=(NodeMessageReader&&) = default;
  /// None while a payload is incomplete, and for kinds this version does not know (a newer peer's). Fails with kInvalid
  /// or kLimit on what no peer of ours sends; the session is to be ended then.
  [[nodiscard]] Result<std::optional<NodeMessage>> read(pb::NodeMessage&& in);

 private:
  [[nodiscard]] Result<std::optional<NodeMessage>> read_relayed(pb::RelayedUp&& in);

  PieceAssembler usage_;
  PieceAssembler logs_;
  std::unique_ptr<NodeMessageReader> below_;  // of what comes through a relay; made when something does
};

class ControlMessageReader {
 public:
  ControlMessageReader();
  ~ControlMessageReader();
  ControlMessageReader(ControlMessageReader&&) = default;
  ControlMessageReader& operator=(ControlMessageReader&&) = default;
  /// As NodeMessageReader::read.
  [[nodiscard]] Result<std::optional<ControlMessage>> read(pb::ControlMessage&& in);

 private:
  [[nodiscard]] Result<std::optional<ControlMessage>> read_relayed(pb::RelayedDown&& in);

  PieceAssembler config_;
  PieceAssembler purges_;
  std::unique_ptr<ControlMessageReader> below_;  // of what goes to the nodes below this relay
};

}  // namespace yz::rpc::wire
