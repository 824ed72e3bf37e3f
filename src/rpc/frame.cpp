#include "rpc/frame.h"

#include <cstdint>
#include <string>

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

namespace yz::rpc::wire {
namespace {

/// Below this a copy costs less than keeping count of who uses the original.
constexpr std::size_t kCopyBelow = 4'096;

grpc::Slice copied(const std::string& bytes) { return {bytes.data(), bytes.size()}; }

grpc::Slice shared(const SharedBytes& bytes, Slice part) {
  if (part.size < kCopyBelow) return {bytes->data() + part.offset, part.size};
  auto* held = new SharedBytes(bytes);  // gRPC's API: until the last frame is gone
  auto release = [](void* user_data) { delete static_cast<SharedBytes*>(user_data); };
  // gRPC never writes into a slice.
  return {const_cast<char*>(bytes->data()) + part.offset, part.size, release, held};
}

/// The message without its payload's bytes: they are the last field of the last field, so that all that is missing
/// behind is the bytes themselves. Lengths count them.
class HeadWriter {
 public:
  explicit HeadWriter(std::size_t payload) : payload_(payload) {}

  void number(int field, std::uint64_t value) {
    if (value == 0) return;  // as proto3 does
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
  }
  /// The payload's bytes, or the message that ends with them: `head` is what comes before them in it.
  void open(int field, const std::string& head) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(head.size() + payload_);
    bytes_ += head;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    std::uint8_t buffer[10];
    const std::uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, buffer);
    bytes_.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
  }

  std::size_t payload_;
  std::string bytes_;
};

std::string piece_head(const SharedBytes& payload, Slice slice) {
  HeadWriter piece(slice.size);
  piece.number(pb::Piece::kSizeFieldNumber, payload->size());
  piece.number(pb::Piece::kOffsetFieldNumber, slice.offset);
  if (slice.size > 0) piece.open(pb::Piece::kDataFieldNumber, {});
  return piece.bytes();
}

grpc::ByteBuffer joined(int field, const HeadWriter& body, const SharedBytes& payload, Slice slice) {
  HeadWriter whole(slice.size);
  whole.open(field, body.bytes());
  const grpc::Slice slices[] = {copied(whole.bytes()), shared(payload, slice)};
  return {slices, 2};
}

grpc::ByteBuffer config_frame(std::uint64_t from, std::uint64_t to, bool is_snapshot, const SharedBytes& payload,
                              Slice slice) {
  HeadWriter update(slice.size);
  update.number(pb::ConfigUpdate::kFromFieldNumber, from);
  update.number(pb::ConfigUpdate::kToFieldNumber, to);
  update.number(pb::ConfigUpdate::kIsSnapshotFieldNumber, is_snapshot ? 1 : 0);
  update.open(pb::ConfigUpdate::kPayloadFieldNumber, piece_head(payload, slice));
  return joined(pb::ControlMessage::kConfigFieldNumber, update, payload, slice);
}

}  // namespace

grpc::ByteBuffer to_frame(const ControlMessage& message, Slice slice) {
  if (const auto* m = std::get_if<ConfigSnapshotUpdate>(&message); m != nullptr && m->snapshot) {
    return config_frame(0, m->seq.value, true, m->snapshot, slice);
  }
  if (const auto* m = std::get_if<ConfigDeltaUpdate>(&message); m != nullptr && m->delta) {
    return config_frame(m->from.value, m->to.value, false, m->delta, slice);
  }
  if (const auto* m = std::get_if<PurgeRecords>(&message); m != nullptr && m->records) {
    HeadWriter records(slice.size);
    records.number(pb::PurgeRecords::kFirstFieldNumber, m->first.value);
    records.number(pb::PurgeRecords::kLastFieldNumber, m->last.value);
    records.open(pb::PurgeRecords::kRecordsFieldNumber, piece_head(m->records, slice));
    return joined(pb::ControlMessage::kPurgeRecordsFieldNumber, records, m->records, slice);
  }
  pb::ControlMessage out;
  to_wire(message, slice, out);
  const grpc::Slice bytes = copied(out.SerializeAsString());
  return {&bytes, 1};
}

Status from_frame(grpc::ByteBuffer& frame, pb::NodeMessage& out) {
  const grpc::Status parsed = grpc::GenericDeserialize<grpc::ProtoBufferReader, pb::NodeMessage>(&frame, &out);
  if (!parsed.ok()) return fail(Code::kInvalid, "the message cannot be read", Fault::kClient);
  return {};
}

}  // namespace yz::rpc::wire
