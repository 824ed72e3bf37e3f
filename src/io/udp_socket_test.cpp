#include "io/udp_socket.h"

#include <string>

#include <gtest/gtest.h>

namespace yz::io {
namespace {

const Endpoint kAnyLoopback{IpAddress::v4(0x7F000001), 0};

void await_datagrams(UdpSocket& socket, UdpBatch& batch) {
  const auto count = socket.receive(batch);
  ASSERT_TRUE(count) << count.error().message;
}

TEST(UdpSocket, AnswersABatchFromTheAddressThatWasAsked) {
  for (const char* wildcard : {"0.0.0.0:0", "[::]:0"}) {
    auto server = UdpSocket::bind(*Endpoint::parse(wildcard), {});
    ASSERT_TRUE(server) << server.error().message;
    auto client = UdpSocket::bind(kAnyLoopback, {});
    ASSERT_TRUE(client);
    const Endpoint asked{IpAddress::v4(0x7F000105), server->local().port};  // 127.0.1.5: not the default source
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->send_to(asked, "query " + std::to_string(i)));

    UdpBatch batch(8, 512);
    await_datagrams(*server, batch);
    ASSERT_EQ(batch.size(), 3U);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(batch.payload(i), "query " + std::to_string(i));
      EXPECT_EQ(batch.peer(i), client->local());
      batch.payload(i).copy(batch.reply_buffer(i).data(), 7);
      if (i != 1) batch.set_reply(i, 7);
    }
    EXPECT_EQ(server->send_replies(batch), 2U);

    UdpBatch replies(8, 512);
    await_datagrams(*client, replies);
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies.payload(0), "query 0");
    EXPECT_EQ(replies.payload(1), "query 2");
    EXPECT_EQ(replies.peer(0), asked);
  }
}

TEST(UdpSocket, SaysWhatIsTruncatedAndForgetsItNextTime) {
  auto server = UdpSocket::bind(kAnyLoopback, {});
  ASSERT_TRUE(server);
  UdpBatch batch(4, 16);
  ASSERT_TRUE(server->send_to(server->local(), std::string(40, 'x')));
  await_datagrams(*server, batch);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_TRUE(batch.is_truncated(0));
  ASSERT_TRUE(server->send_to(server->local(), "short"));
  await_datagrams(*server, batch);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_FALSE(batch.is_truncated(0));
  EXPECT_EQ(batch.payload(0), "short");
  await_datagrams(*server, batch);
  EXPECT_EQ(batch.size(), 0U);
}

}  // namespace
}  // namespace yz::io
