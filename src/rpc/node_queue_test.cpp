#include "rpc/node_queue.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

SharedBytes bytes(std::size_t size) { return std::make_shared<const std::string>(size, 'b'); }

TEST(NodeQueue, LogsGoWhenNothingElseWaitsAPieceAtATime) {
  NodeQueue queue(1 << 20);
  ASSERT_TRUE(queue.push(LogShipment{1, 1, bytes(3 << 20)}));
  EXPECT_FALSE(queue.push(LogShipment{1, 2, bytes(10)})) << "one waits already";
  auto frame = queue.next();
  ASSERT_TRUE(frame && std::holds_alternative<LogShipment>(frame->message));
  ASSERT_LT(frame->slice.size, 3U << 20);
  std::size_t sent = frame->slice.size;
  ASSERT_TRUE(queue.push(UsageShipment{1, 1, bytes(10)})) << "logs take nothing of the others' room";
  EXPECT_TRUE(std::holds_alternative<UsageShipment>(queue.next()->message));
  while ((frame = queue.next())) {
    EXPECT_EQ(frame->slice.offset, sent);
    sent += frame->slice.size;
  }
  EXPECT_EQ(sent, 3U << 20);
  EXPECT_TRUE(queue.push(LogShipment{1, 2, bytes(10)}));
}

TEST(NodeQueue, IsEmptyAfterASession) {
  NodeQueue queue(1 << 20);
  ASSERT_TRUE(queue.push(LogShipment{1, 1, bytes(10)}));
  ASSERT_TRUE(queue.push(PurgeAck{model::PurgeSeq{1}}));
  queue.clear();
  EXPECT_FALSE(queue.next());
}

}  // namespace
}  // namespace yz::rpc
