#include "rpc/frame.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

std::string bytes_of(const grpc::ByteBuffer& frame) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(frame.Dump(&slices).ok());
  std::string out;
  for (const grpc::Slice& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
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
        EXPECT_EQ(bytes_of(wire::to_frame(message, slice)), as_protobuf(message, slice)) << size << "+" << slice.offset;
      }
      if (size == 0) break;
    }
  }
}

TEST(Frame, SharesALargePayloadAndKeepsItAlive) {
  SharedBytes payload = payload_of(100'000);
  const std::weak_ptr<const std::string> watched = payload;
  const ControlMessage message = ConfigSnapshotUpdate{model::ConfigSeq{1}, payload};
  std::vector<grpc::ByteBuffer> frames;
  for (int i = 0; i < 10; ++i) frames.push_back(wire::to_frame(message, {0, payload->size()}));
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(frames[3].Dump(&slices).ok());
  EXPECT_EQ(reinterpret_cast<const char*>(slices.back().begin()), payload->data());
  slices.clear();
  EXPECT_EQ(payload.use_count(), 12);
  frames.clear();
  EXPECT_EQ(payload.use_count(), 2);
  payload.reset();
  EXPECT_FALSE(watched.expired());  // `message` has it
}

TEST(Frame, OfANodeIsReadOrRefused) {
  wire::pb::NodeMessage sent;
  wire::to_wire(PurgeAck{model::PurgeSeq{9}}, {}, sent);
  const std::string text = sent.SerializeAsString();
  grpc::Slice slice(text.data(), text.size());
  grpc::ByteBuffer good(&slice, 1);
  wire::pb::NodeMessage read;
  ASSERT_TRUE(wire::from_frame(good, read));
  EXPECT_EQ(read.purge_ack().applied(), 9u);
  slice = grpc::Slice("\xff\xff\xff", 3);
  grpc::ByteBuffer bad(&slice, 1);
  EXPECT_FALSE(wire::from_frame(bad, read));
}

}  // namespace
}  // namespace yz::rpc
