#include "net/h2/session_fixture.h"

namespace yz::net::h2 {
namespace {

using namespace std::chrono_literals;
using namespace testing;

TEST_F(SessionTest, StopsRapidReset) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at);
    for (std::uint32_t id = 1; id < 2000; id += 2) co_await client->send(get(id, "/wait") + reset(id));
    EXPECT_EQ(co_await client->goaway(), ErrorCode::kEnhanceYourCalm);
  });
  EXPECT_EQ(floods(Flood::kRapidReset), 1U);
  EXPECT_LE(site_.handled, 105);
  EXPECT_EQ(site_.destroyed, site_.handled);
}

TEST_F(SessionTest, StopsResetsThatItIsMadeToSend) {
  const std::vector<std::string> ways = {
      window_update(1, 0x7fffffff),                     // overflows
      window_update(1, 0),                              // of nothing
      data(1, "x", false),                              // after the end
      frame(FrameType::kPriority, 0, 1, u32(1) + "x"),  // depends on itself
  };
  for (const std::string& way : ways) {
    play([&](Endpoint at) -> io::Task<void> {
      auto client = co_await Client::open(at);
      for (std::uint32_t id = 1; id < 2000; id += 2) {
        std::string breaks = way;
        write_u32(breaks.data() + 5, id);
        if (breaks[3] == static_cast<char>(FrameType::kPriority)) write_u32(breaks.data() + 9, id);
        co_await client->send(get(id, "/wait") + breaks);
      }
      EXPECT_EQ(co_await client->goaway(), ErrorCode::kEnhanceYourCalm);
    });
  }
  EXPECT_EQ(floods(Flood::kInducedReset), ways.size());
  EXPECT_EQ(site_.destroyed, site_.handled);
}

TEST_F(SessionTest, ForgivesResetsOfAClientThatMostlyTakesItsAnswers) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at);
    std::uint32_t id = 1;
    for (int round = 0; round < 300; ++round, id += 8) {
      co_await client->send(get(id, "/a") + get(id + 2, "/b") + get(id + 4, "/wait") + reset(id + 4) +
                            get(id + 6, "/c"));
      EXPECT_TRUE((co_await client->response(id + 6)).is_whole);
    }
  });
}

TEST_F(SessionTest, StopsAContinuationFlood) {
  play([](Endpoint at) -> io::Task<void> {
    const std::string block = testing::encode(request("/"));
    auto client = co_await Client::open(at, frame(FrameType::kHeaders, kEndStream, 1, block));
    for (int i = 0; i < 20; ++i) {
      co_await client->send(frame(FrameType::kContinuation, 0, 1, testing::encode({{"x", "y"}})));
    }
    EXPECT_EQ(co_await client->goaway(), ErrorCode::kEnhanceYourCalm);
  });
  EXPECT_EQ(floods(Flood::kContinuation), 1U);
}

TEST_F(SessionTest, StopsAHeadThatUnpacksToFarTooMuch) {
  play([](Endpoint at) -> io::Task<void> {
    // One field of 4 KB into the table, then its index over and over.
    std::string block = testing::encode(request("/"));
    block += std::string("\x40\x01x\x7f", 4) + std::string("\x81\x1e", 2) + std::string(4000, 'v');
    block += std::string(8000, static_cast<char>(0xbe));
    auto client = co_await Client::open(at, frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, block));
    EXPECT_EQ(co_await client->goaway(), ErrorCode::kEnhanceYourCalm);
  });
  EXPECT_EQ(floods(Flood::kHeadSize), 1U);
}

TEST_F(SessionTest, StopsFloodsOfControlFrames) {
  const std::vector<std::pair<std::string, Flood>> ways = {
      {frame(FrameType::kPing, 0, 0, "12345678"), Flood::kControlFrames},
      {frame(FrameType::kSettings, 0, 0), Flood::kControlFrames},
      {frame(FrameType::kPriority, 0, 9, u32(0) + "x"), Flood::kControlFrames},
      {frame(FrameType::kPriorityUpdate, 0, 0, u32(9) + "u=1"), Flood::kControlFrames},
      {frame(static_cast<FrameType>(0x42), 0, 0, "?"), Flood::kControlFrames},
      {window_update(0, 1), Flood::kWindowUpdates},
      {data(1, "", false), Flood::kEmptyFrames},
  };
  for (const auto& [way, kind] : ways) {
    const std::uint64_t before = floods(kind);
    play([&](Endpoint at) -> io::Task<void> {
      auto client = co_await Client::open(at, post(1, "/echo"));
      std::string many;
      for (int i = 0; i < 3000; ++i) many += way;
      co_await client->send(many);
      EXPECT_EQ(co_await client->goaway(), ErrorCode::kEnhanceYourCalm);
    });
    EXPECT_EQ(floods(kind), before + 1) << to_string(kind);
  }
}

TEST_F(SessionTest, GivesUpAnswersThatNobodyTakes) {
  HttpServerOptions options;
  options.h2.window_stall = 60ms;
  start(options);
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/big"), setting(SettingId::kInitialWindowSize, 0));
    EXPECT_EQ((co_await client->response(1)).reset, ErrorCode::kCancel);
    auto shut = co_await Client::open(at, get(1, "/big"), setting(SettingId::kInitialWindowSize, 1 << 20));
    EXPECT_EQ(co_await shut->goaway(), ErrorCode::kEnhanceYourCalm);
  });
  EXPECT_EQ(floods(Flood::kWindowStall), 2U);
  EXPECT_EQ(site_.destroyed, 2);
}

TEST_F(SessionTest, GivesUpAnswersThatAreTakenByCrumbs) {
  HttpServerOptions options;
  options.h2.window_stall = 200ms;
  options.send_min_rate = 1 << 20;
  start(options);
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/big"), setting(SettingId::kInitialWindowSize, 0));
    // A byte now and then is progress, and yet less than an answer may be taken by.
    std::optional<Received> last;
    for (int i = 0; i < 1000 && !(last && last->type == FrameType::kRstStream); ++i) {
      co_await client->send(window_update(1, 1));
      last = co_await client->next(10ms);
      co_await io::sleep_for(4ms);
    }
    EXPECT_TRUE(last && last->type == FrameType::kRstStream && last->error() == ErrorCode::kCancel);
  });
  EXPECT_EQ(floods(Flood::kWindowStall), 1U);
}

TEST_F(SessionTest, EndsConnectionsThatDawdleOverTheirHead) {
  HttpServerOptions options;
  options.head_timeout = 50ms;
  options.idle_timeout = 100ms;
  start(options);
  play([](Endpoint at) -> io::Task<void> {
    const std::string block = testing::encode(request("/"));
    auto half = co_await Client::open(at, frame(FrameType::kHeaders, kEndStream, 1, block));
    auto idle = co_await Client::open(at);
    while (co_await half->next()) {
    }
    EXPECT_TRUE(half->has_ended());
    EXPECT_EQ(co_await idle->goaway(), ErrorCode::kNoError);
  });
}

TEST_F(SessionTest, SurvivesAClientThatVanishesInTheMiddle) {
  play([this](Endpoint at) -> io::Task<void> {
    for (int i = 0; i < 20; ++i) {
      auto client =
          co_await Client::open(at, get(1, "/big") + get(3, "/wait") + post(5, "/echo") + data(5, "x", false));
      (void)co_await client->next();
      if (i % 2 == 0) client->stream().reset_connection();
    }
    while (server_->counts().connections > 0) co_await io::sleep_for(1ms);
  });
  EXPECT_EQ(site_.destroyed, site_.handled);
  EXPECT_EQ(server_->counts().busy, 0U);
}

}  // namespace
}  // namespace yz::net::h2
