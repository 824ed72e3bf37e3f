// What the NATS engine does when its server is not there, is killed, hangs, or has lost everything.
#include "bus/nats_bus.h"

#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bus/inbox_for_test.h"
#include "bus/nats_server_for_test.h"

namespace yz::bus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class NatsBusTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = NatsServer::start();
    if (!server && server.error().code == Code::kNotFound) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  std::unique_ptr<NatsBus> open() {
    auto bus = NatsBus::open(server_->url());
    EXPECT_TRUE(bus) << bus.error().message;
    return bus ? *std::move(bus) : nullptr;
  }
  /// As somebody who must get it through: again and again until it is accepted.
  static Offset insist(Bus& bus, const std::string& text) {
    for (int i = 0; i < 2'000; ++i) {
      if (const auto offset = bus.publish("t", text)) return *offset;
      std::this_thread::sleep_for(milliseconds(10));
    }
    ADD_FAILURE() << "never accepted: " << text;
    return {};
  }

  std::unique_ptr<NatsServer> server_;
};

TEST_F(NatsBusTest, AllWhoNameTheServerTakePart) {
  const auto one = open();
  const auto other = open();
  EXPECT_TRUE(one->is_shared());
  Inbox inbox;
  const auto subscription = other->subscribe("t", {1}, inbox.callback());
  insist(*one, "from the one");
  insist(*other, "from the other");
  const auto messages = inbox.wait_for(2);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0], (std::pair<std::uint64_t, std::string>(1, "from the one")));
  EXPECT_EQ(messages[1], (std::pair<std::uint64_t, std::string>(2, "from the other")));
}

TEST_F(NatsBusTest, WithoutAServerPublishingFailsAtOnceAndSubscriptionsBeginWhenItComes) {
  server_->kill();
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  ASSERT_TRUE(subscription);
  const auto start = std::chrono::steady_clock::now();
  const auto refused = bus->publish("t", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos);
  EXPECT_FALSE(bus->head("t"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(1));
  ASSERT_TRUE(server_->restart());
  insist(*bus, "now");
  EXPECT_EQ(inbox.wait_for(1).at(0).second, "now");
}

TEST_F(NatsBusTest, AKilledServerLosesNothingAcceptedAndSubscriptionsGoOnWhereTheyWere) {
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  std::atomic<bool> stop = false;
  std::vector<std::pair<std::uint64_t, std::string>> accepted;
  std::jthread publisher([&] {
    for (int i = 0; !stop; ++i) {
      const std::string text = std::to_string(i);
      accepted.emplace_back(insist(*bus, text).value, text);
    }
  });
  for (int kill = 0; kill < 3; ++kill) {
    (void)inbox.wait_for(static_cast<std::size_t>(kill + 1) * 50);
    server_->kill();
    ASSERT_TRUE(server_->restart());
  }
  stop = true;
  publisher.join();
  // More may be there than was accepted: a message whose answer the kill swallowed.
  const std::uint64_t last = accepted.back().first;
  const auto messages = inbox.wait_for(last);
  ASSERT_GE(messages.size(), last);
  for (std::size_t i = 0; i < messages.size(); ++i) ASSERT_EQ(messages[i].first, i + 1) << "in order, none missing";
  for (const auto& [offset, text] : accepted) EXPECT_EQ(messages.at(offset - 1).second, text);
}

TEST_F(NatsBusTest, AStreamThatWasLostIsFollowedFromItsNewBeginning) {
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  for (int i = 0; i < 3; ++i) insist(*bus, "old");
  ASSERT_EQ(inbox.wait_for(3).size(), 3u);
  server_->kill();
  server_->lose_data();
  ASSERT_TRUE(server_->restart());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(insist(*bus, "new").value, static_cast<std::uint64_t>(i + 1));
  const auto messages = inbox.wait_for(8);
  ASSERT_EQ(messages.size(), 8u);
  EXPECT_EQ(messages[3], (std::pair<std::uint64_t, std::string>(1, "new")));
  EXPECT_EQ(messages[7], (std::pair<std::uint64_t, std::string>(5, "new")));
}

TEST_F(NatsBusTest, NobodyWaitsTwiceForAServerThatHangs) {
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  insist(*bus, "before");
  ASSERT_EQ(inbox.wait_for(1).size(), 1u);
  server_->freeze();
  EXPECT_FALSE(bus->publish("t", "hangs"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(bus->publish("t", "fails at once").error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
  server_->thaw();
  insist(*bus, "after");
  bool is_there = false;
  for (std::size_t i = 2; i <= 3 && !is_there; ++i) is_there = inbox.wait_for(i).back().second == "after";
  EXPECT_TRUE(is_there) << "the one that hung may have been stored, or not";
}

TEST_F(NatsBusTest, AMessageLargerThanTheServerTakesIsRefusedWithoutHarm) {
  const auto bus = open();
  insist(*bus, "first");
  EXPECT_EQ(bus->publish("t", std::string(5U << 20, 'x')).error().code, Code::kLimit);
  EXPECT_EQ(insist(*bus, "second").value, 2u);
}

TEST(NatsBusUrl, IsCheckedAndNeverRepeated) {
  EXPECT_TRUE(NatsBus::check_url("nats://127.0.0.1:4222"));
  EXPECT_TRUE(NatsBus::check_url("nats://u:p@a.example:4222,nats://b.example"));
  for (const char* bad : {"", "nats://", "redis://:hidden@x", "nats://a,", "/tmp/hidden"}) {
    const auto checked = NatsBus::check_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().message.find("hidden"), std::string::npos);
  }
}

}  // namespace
}  // namespace yz::bus
