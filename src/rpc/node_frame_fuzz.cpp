// Whatever bytes a peer sends, in whatever pieces: reading ends, and what is read as a message is one in either
// direction or refused; how the bytes were cut changes nothing.

#include <cstdint>
#include <string>

#include "rpc/frame.h"

namespace {

using namespace yz;
using namespace yz::rpc;

/// What was read, and how it ended.
std::string read_in_pieces(std::string_view bytes, std::size_t piece) {
  std::string story;
  FrameReader frames(kMaxFirstFrame);
  wire::NodeMessageReader of_nodes;
  wire::ControlMessageReader of_control;
  const auto on_frame = [&](const Frame& frame) -> Status {
    story += std::to_string(static_cast<int>(frame.kind)) + " " + std::to_string(frame.body.size()) + ";";
    if (frame.kind == FrameKind::kEnd) return wire::read_end(frame.body) ? Status() : Status();
    wire::pb::NodeMessage from_node;
    if (wire::parse(frame.body, from_node)) {
      const auto read = of_nodes.read(std::move(from_node));
      story += read ? read->has_value() ? "node" : "part" : "refused";
    }
    wire::pb::ControlMessage from_control;
    if (wire::parse(frame.body, from_control)) {
      const auto read = of_control.read(std::move(from_control));
      story += read ? read->has_value() ? "control" : "part" : "refused";
    }
    return {};
  };
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, piece);
    if (const Status status = frames.read(part, on_frame); !status) return story + status.error().message;
    bytes.remove_prefix(part.size());
  }
  return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  YZ_ASSERT(read_in_pieces(bytes, size + 1) == read_in_pieces(bytes, 1 + size % 7));
  return 0;
}
