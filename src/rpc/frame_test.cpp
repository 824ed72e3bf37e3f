#include "rpc/frame.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

std::string bytes_of(const OutFrame& frame) { return frame.head + std::string(frame.tail()); }

std::string framed(FrameKind kind, const std::string& body) {
  std::string out{static_cast<char>(kind), static_cast<char>(body.size() >> 16), static_cast<char>(body.size() >> 8),
                  static_cast<char>(body.size())};
  return out + body;
}

std::string as_protobuf(const ControlMessage& message, Slice slice) {
  wire::pb::ControlMessage out;
  wire::to_wire(message, slice, out);
  return out.SerializeAsString();
}

SharedBytes payload_of(std::size_t size) {
  std::string bytes(size, 'x');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31);
  return std::make_shared<const std::string>(std::move(bytes));
}

TEST(Frame, IsWhatProtobufWrites) {
  for (const std::size_t size : {0UL, 1UL, 100UL, 127UL, 128UL, 5'000UL, 70'000UL, kMaxPiece + 9}) {
    const SharedBytes payload = payload_of(size);
    for (Slice slice{0, 0}; slice.offset == 0 || slice.offset < size; slice.offset += slice.size) {
      slice = next_slice(slice.offset, size);
      const ControlMessage messages[] = {
          ConfigSnapshotUpdate{model::ConfigSeq{7}, payload},
          ConfigDeltaUpdate{model::ConfigSeq{300}, model::ConfigSeq{1ULL << 40}, payload},
          PurgeRecords{model::PurgeSeq{1}, model::PurgeSeq{200}, payload}, UsageAck{1, 2}, SetDrain{false}};
      for (const ControlMessage& message : messages) {
        EXPECT_EQ(bytes_of(wire::to_frame(message, slice)), framed(FrameKind::kMessage, as_protobuf(message, slice)))
            << size << "+" << slice.offset;
      }
      if (size == 0) break;
    }
  }
}

TEST(Frame, SharesALargePayloadAndKeepsItAlive) {
  SharedBytes payload = payload_of(100'000);
  const std::weak_ptr<const std::string> watched = payload;
  const ControlMessage message = ConfigSnapshotUpdate{model::ConfigSeq{1}, payload};
  std::vector<OutFrame> frames;
  for (int i = 0; i < 10; ++i) frames.push_back(wire::to_frame(message, {0, payload->size()}));
  EXPECT_EQ(frames[3].tail().data(), payload->data());
  EXPECT_EQ(payload.use_count(), 12);
  frames.clear();
  EXPECT_EQ(payload.use_count(), 2);
  payload.reset();
  EXPECT_FALSE(watched.expired());  // `message` has it
}

TEST(Frame, IsReadHoweverItsBytesCome) {
  std::string bytes = bytes_of(wire::to_frame(NodeMessage(PurgeAck{model::PurgeSeq{9}}), {}));
  bytes += bytes_of(wire::bare_frame(FrameKind::kPing));
  bytes += framed(FrameKind::kMessage, std::string(70'000, 'x'));
  bytes += bytes_of(wire::bare_frame(FrameKind::kPong));
  for (const std::size_t piece : {1UL, 3UL, 1'000UL, bytes.size()}) {
    FrameReader reader(kMaxFrame);
    std::string seen;
    const auto on_frame = [&seen](const Frame& frame) -> Status {
      seen += std::to_string(static_cast<int>(frame.kind)) + ":" + std::to_string(frame.body.size()) + " ";
      return {};
    };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(reader.read(std::string_view(bytes).substr(at, piece), on_frame));
    }
    EXPECT_EQ(seen, "1:4 4:0 1:70000 5:0 ") << piece;
  }
}

TEST(Frame, ThatIsNoneOrTooLongEndsTheReading) {
  const auto ignore = [](const Frame&) -> Status { return {}; };
  EXPECT_EQ(FrameReader(kMaxFrame).read("GET / HTTP/1.1\r\n", ignore).error().code, Code::kInvalid);
  EXPECT_EQ(FrameReader(kMaxFrame).read(std::string(8, '\0'), ignore).error().code, Code::kInvalid);
  const std::string head = framed(FrameKind::kMessage, std::string(101, 'x')).substr(0, kFrameHead);
  EXPECT_TRUE(FrameReader(101).read(head, ignore));
  EXPECT_EQ(FrameReader(100).read(head, ignore).error().code, Code::kLimit);  // before its body comes
  const auto refuse = [](const Frame&) -> Status { return fail(Code::kConflict, "no"); };
  EXPECT_EQ(FrameReader(100).read(bytes_of(wire::bare_frame(FrameKind::kPing)), refuse).error().code, Code::kConflict);
}

TEST(Frame, OfAMessageIsReadOrRefused) {
  wire::pb::NodeMessage read;
  const std::string text = bytes_of(wire::to_frame(NodeMessage(PurgeAck{model::PurgeSeq{9}}), {}));
  ASSERT_TRUE(wire::parse(std::string_view(text).substr(kFrameHead), read));
  EXPECT_EQ(read.purge_ack().applied(), 9u);
  EXPECT_FALSE(wire::parse("\xff\xff\xff", read));
}

TEST(Frame, OfAnEndKeepsCodeAndText) {
  const std::string text = bytes_of(wire::end_frame(Error{Code::kPermission, Fault::kSelf, false, "removed"}));
  const auto error = wire::read_end(std::string_view(text).substr(kFrameHead));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::kPermission);
  EXPECT_EQ(error->message, "removed");
  EXPECT_FALSE(error->retryable);
  EXPECT_EQ(wire::read_end("")->code, Code::kInternal);
}

}  // namespace
}  // namespace yz::rpc
