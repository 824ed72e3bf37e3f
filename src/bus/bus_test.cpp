// What every engine promises, on each of them.
#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "bus/embedded_bus.h"
#include "bus/inbox_for_test.h"
#include "bus/nats_bus.h"
#include "bus/nats_server_for_test.h"
#include "bus/record.h"

namespace yz::bus {
namespace {

/// Where an engine keeps its messages; a bus on it is opened as often as wanted, one after the other.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::unique_ptr<Bus> open() = 0;
};

class Embedded final : public Engine {
 public:
  std::unique_ptr<Bus> open() override {
    auto bus = EmbeddedBus::open(folder_.path() / "bus", {.segment_size = {4096}});
    EXPECT_TRUE(bus) << bus.error().message;
    return bus ? *std::move(bus) : nullptr;
  }

 private:
  const TempFolder folder_;
};

class Nats final : public Engine {
 public:
  explicit Nats(std::unique_ptr<NatsServer> server) : server_(std::move(server)) {}
  std::unique_ptr<Bus> open() override {
    auto bus = NatsBus::open(server_->url());
    EXPECT_TRUE(bus) << bus.error().message;
    if (!bus) return nullptr;
    for (int i = 0; i < 1'000 && !(*bus)->head("t"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return *std::move(bus);
  }

 private:
  const std::unique_ptr<NatsServer> server_;
};

class BusTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string_view("Embedded")) {
      engine_ = std::make_unique<Embedded>();
      return;
    }
    auto server = NatsServer::start();
    if (!server && server.error().code == Code::kNotFound) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    engine_ = std::make_unique<Nats>(*std::move(server));
  }
  std::unique_ptr<Bus> open() { return engine_->open(); }

 private:
  std::unique_ptr<Engine> engine_;
};

INSTANTIATE_TEST_SUITE_P(On, BusTest, testing::Values("Embedded", "Nats"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(BusTest, MessagesArriveInOrderFromTheOffsetAskedFor) {
  auto bus = open();
  EXPECT_EQ(bus->head("purge")->value, 0u);
  EXPECT_EQ(bus->oldest("purge")->value, 1u);
  for (int i = 1; i <= 10; ++i) EXPECT_EQ(bus->publish("purge", std::to_string(i))->value, static_cast<unsigned>(i));
  Inbox inbox;
  auto subscription = bus->subscribe("purge", {7}, inbox.callback());
  ASSERT_TRUE(subscription);
  ASSERT_EQ(inbox.wait_for(4).size(), 4u);
  ASSERT_TRUE(bus->publish("purge", "live"));
  const auto messages = inbox.wait_for(5);
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages.front(), (std::pair<std::uint64_t, std::string>(7, "7")));
  EXPECT_EQ(messages.back(), (std::pair<std::uint64_t, std::string>(11, "live")));
}

TEST_P(BusTest, EverySubscriberGetsEveryMessageOfItsTopicOnly) {
  auto bus = open();
  Inbox first;
  Inbox second;
  auto a = bus->subscribe("t", {1}, first.callback());
  auto b = bus->subscribe("t", {1}, second.callback());
  ASSERT_TRUE(bus->publish("other", "no"));
  ASSERT_TRUE(bus->publish("t", "yes"));
  EXPECT_EQ(first.wait_for(1).at(0).second, "yes");
  EXPECT_EQ(second.wait_for(1).at(0).second, "yes");
}

TEST_P(BusTest, ASubscriptionMayBeginAheadOfTheLog) {
  auto bus = open();
  Inbox inbox;
  auto subscription = bus->subscribe("t", {3}, inbox.callback());
  for (const char* text : {"1", "2", "3"}) ASSERT_TRUE(bus->publish("t", text));
  EXPECT_EQ(inbox.wait_for(1).at(0).first, 3u);
}

TEST_P(BusTest, MessagesSurviveARestartAndOffsetsGoOn) {
  const std::string binary("\0\xff\x01", 3);
  {
    auto bus = open();
    ASSERT_TRUE(bus->publish("t", "one"));
    ASSERT_TRUE(bus->publish("t", binary));
    ASSERT_TRUE(bus->publish("t", ""));
  }
  auto bus = open();
  EXPECT_EQ(bus->publish("t", "four")->value, 4u);
  const auto messages = read_all(*bus, "t");
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[1].second, binary);
  EXPECT_EQ(messages[2].second, "");
}

TEST_P(BusTest, PublishersAtOnceGiveEachMessageItsOwnPlace) {
  auto bus = open();
  Inbox inbox;
  auto subscription = bus->subscribe("t", {1}, inbox.callback());
  constexpr int kThreads = 4;
  constexpr int kEach = 250;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) ASSERT_TRUE(bus->publish("t", fmt::format("{}:{:04}", t, i)));
      });
    }
  }
  const auto messages = inbox.wait_for(kThreads * kEach);
  ASSERT_EQ(messages.size(), static_cast<std::size_t>(kThreads * kEach));
  std::array<std::string, kThreads> last;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(messages[i].first, i + 1);
    std::string& previous = last.at(static_cast<std::size_t>(messages[i].second[0] - '0'));
    EXPECT_LT(previous, messages[i].second) << "one publisher's messages keep their order";
    previous = messages[i].second;
  }
}

TEST_P(BusTest, ACallbackDoesNotRunAfterItsSubscriptionWent) {
  auto bus = open();
  std::atomic<int> calls = 0;
  auto subscription = bus->subscribe("t", {1}, [&](const Message&) { ++calls; });
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(bus->publish("t", "x"));
  subscription->reset();
  const int seen = calls;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(bus->publish("t", "x"));
  EXPECT_EQ(calls, seen);
}

TEST_P(BusTest, NamesAndSizesOutOfBoundsAreRefused) {
  auto bus = open();
  for (const std::string_view bad : {"", ".", "..", "a/b", "A", "a b", ".hidden"}) {
    EXPECT_EQ(bus->publish(bad, "x").error().code, Code::kInvalid) << bad;
  }
  EXPECT_EQ(bus->publish(std::string(65, 'a'), "x").error().code, Code::kInvalid);
  EXPECT_EQ(bus->publish("t", std::string(kMaxMessage + 1, 'x')).error().code, Code::kLimit);
  ASSERT_TRUE(bus->publish("t", std::string(kMaxMessage, 'x')));
  ASSERT_TRUE(bus->publish("t", "small"));
  const auto messages = read_all(*bus, "t");
  EXPECT_EQ(messages.at(0).second.size(), kMaxMessage);
  EXPECT_EQ(messages.at(1).second, "small");
}

}  // namespace
}  // namespace yz::bus
