#include "rpc/frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include "base/log.h"

namespace yz::rpc {

Status FrameReader::read(std::string_view bytes, const OnFrame& on_frame) {
  if (pending_.empty()) {
    YZ_TRY(const std::size_t used, read_whole(bytes, on_frame));
    pending_.assign(bytes.substr(used));
    return {};
  }
  pending_.append(bytes);
  YZ_TRY(const std::size_t used, read_whole(pending_, on_frame));
  pending_.erase(0, used);
  if (pending_.empty()) pending_ = {};  // an idle connection holds no buffer
  return {};
}

/// The bytes of the whole frames at the beginning of `bytes`.
Result<std::size_t> FrameReader::read_whole(std::string_view bytes, const OnFrame& on_frame) const {
  std::size_t at = 0;
  while (bytes.size() - at >= kFrameHead) {
    const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[at + i])}; };
    const std::size_t kind = byte(0);
    const std::size_t size = byte(1) << 16 | byte(2) << 8 | byte(3);
    if (kind < std::size_t{1} || kind > static_cast<std::size_t>(FrameKind::kPong)) {
      return fail(Code::kInvalid, "not a frame of the node channel (kind " + std::to_string(kind) + ")",
                  Fault::kClient);
    }
    if (size > max_body_) {
      return fail(Code::kLimit,
                  "a frame of " + std::to_string(size) + " bytes, at most " + std::to_string(max_body_) + " are taken",
                  Fault::kClient);
    }
    if (bytes.size() - at - kFrameHead < size) break;
    YZ_CHECK(on_frame({static_cast<FrameKind>(kind), bytes.substr(at + kFrameHead, size)}));
    at += kFrameHead + size;
  }
  return at;
}

namespace wire {
namespace {

/// Below this a copy costs less than keeping count of who uses the original.
constexpr std::size_t kCopyBelow = 4'096;

struct CodeNumber {
  Code code;
  pb::ErrorCode number;
};
constexpr CodeNumber kCodes[] = {
    {Code::kInvalid, pb::ERROR_CODE_INVALID},
    {Code::kNotFound, pb::ERROR_CODE_NOT_FOUND},
    {Code::kAlreadyExists, pb::ERROR_CODE_ALREADY_EXISTS},
    {Code::kConflict, pb::ERROR_CODE_CONFLICT},
    {Code::kUnauthenticated, pb::ERROR_CODE_UNAUTHENTICATED},
    {Code::kPermission, pb::ERROR_CODE_PERMISSION},
    {Code::kLimit, pb::ERROR_CODE_LIMIT},
    {Code::kTimeout, pb::ERROR_CODE_TIMEOUT},
    {Code::kUnavailable, pb::ERROR_CODE_UNAVAILABLE},
    {Code::kCancelled, pb::ERROR_CODE_CANCELLED},
    {Code::kCorrupt, pb::ERROR_CODE_CORRUPT},
    {Code::kUnsupported, pb::ERROR_CODE_UNSUPPORTED},
};

/// protobuf would write a line to standard error for each text of a peer's that is not UTF-8.
void quieten_protobuf() {
  using google::protobuf::LogLevel;
  const auto tell = [](LogLevel /*level*/, const char* /*file*/, int /*line*/, const std::string& message) {
    log::debug("protobuf: {}", message);
  };
  [[maybe_unused]] static const auto kBefore = google::protobuf::SetLogHandler(tell);
}

void append_head(FrameKind kind, std::size_t size, std::string& out) {
  YZ_ASSERT(size <= kMaxFrame);
  out += static_cast<char>(kind);
  out += static_cast<char>(size >> 16);
  out += static_cast<char>(size >> 8);
  out += static_cast<char>(size);
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

OutFrame joined(int field, const HeadWriter& body, const SharedBytes& payload, Slice slice) {
  HeadWriter whole(slice.size);
  whole.open(field, body.bytes());
  OutFrame out;
  append_head(FrameKind::kMessage, whole.bytes().size() + slice.size, out.head);
  out.head += whole.bytes();
  if (slice.size < kCopyBelow) {
    out.head.append(*payload, slice.offset, slice.size);
  } else {
    out.payload = payload;
    out.slice = slice;
  }
  return out;
}

OutFrame config_frame(std::uint64_t from, std::uint64_t to, bool is_snapshot, const SharedBytes& payload, Slice slice) {
  HeadWriter update(slice.size);
  update.number(pb::ConfigUpdate::kFromFieldNumber, from);
  update.number(pb::ConfigUpdate::kToFieldNumber, to);
  update.number(pb::ConfigUpdate::kIsSnapshotFieldNumber, is_snapshot ? 1 : 0);
  update.open(pb::ConfigUpdate::kPayloadFieldNumber, piece_head(payload, slice));
  return joined(pb::ControlMessage::kConfigFieldNumber, update, payload, slice);
}

}  // namespace

OutFrame to_frame(FrameKind kind, const google::protobuf::MessageLite& message) {
  OutFrame out;
  append_head(kind, message.ByteSizeLong(), out.head);
  (void)message.AppendToString(&out.head);
  return out;
}

OutFrame bare_frame(FrameKind kind) {
  OutFrame out;
  append_head(kind, 0, out.head);
  return out;
}

OutFrame to_frame(const ControlMessage& message, Slice slice) {
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
  return to_frame(FrameKind::kMessage, out);
}

OutFrame to_frame(const NodeMessage& message, Slice slice) {
  pb::NodeMessage out;
  to_wire(message, slice, out);
  return to_frame(FrameKind::kMessage, out);
}

OutFrame end_frame(const Error& error) {
  pb::End end;
  end.set_code(pb::ERROR_CODE_INTERNAL);
  for (const CodeNumber& pair : kCodes) {
    if (pair.code == error.code) end.set_code(pair.number);
  }
  end.set_message(error.message);
  return to_frame(FrameKind::kEnd, end);
}

Result<Error> read_end(std::string_view body) {
  pb::End end;
  YZ_CHECK(parse(body, end));
  Error error;
  for (const CodeNumber& pair : kCodes) {
    if (pair.number == end.code()) error.code = pair.code;
  }
  error.retryable = error.code == Code::kUnavailable || error.code == Code::kTimeout;
  error.message = end.message().empty() ? "the session ended" : std::move(*end.mutable_message());
  return error;
}

Status parse(std::string_view body, google::protobuf::MessageLite& out) {
  quieten_protobuf();
  if (!out.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return fail(Code::kInvalid, "the message cannot be read", Fault::kClient);
  }
  return {};
}

}  // namespace wire
}  // namespace yz::rpc
