#include "net/h2/session_fixture.h"

namespace yz::net::h2 {
namespace {

using namespace std::chrono_literals;
using net::testing::FunctionHandler;
using net::testing::kAnyLoopback;
using testing::Client;
using testing::data;
using testing::frame;
using testing::get;
using testing::pattern;
using testing::post;
using testing::request;
using testing::reset;
using testing::Response;
using testing::SessionTest;
using testing::setting;
using testing::window_update;

TEST_F(SessionTest, AnswersRequestsAndKeepsServingHttp1OnTheSamePort) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/a"));
    const Response got = co_await client->response(1);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "/a ");
    EXPECT_EQ(got.fields.at("content-length"), "3");
    EXPECT_EQ(got.fields.at("content-type"), "text/plain");
    EXPECT_EQ(got.fields.count("date"), 1U);
  });
  const auto old =
      reactor_.block_on(net::testing::exchange_text(at_, "GET /old HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(net::testing::body_of(old), "/old ");
  EXPECT_EQ(server_->counts().h2.sessions, 1U);
  EXPECT_EQ(server_->counts().h2.streams, 1U);
  EXPECT_EQ(server_->counts().busy, 0U);
}

TEST_F(SessionTest, AcceptsThePrefaceAndFramesByteByByte) {
  play([](Endpoint at) -> io::Task<void> {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    Client client(*std::move(stream));
    const std::string all = std::string(kClientPreface) + frame(FrameType::kSettings, 0, 0) + get(1, "/drip");
    for (const char c : all) {
      co_await client.send(std::string(1, c));
      co_await io::yield();
    }
    EXPECT_EQ((co_await client.response(1)).body, "/drip ");
  });
}

TEST_F(SessionTest, IsRefusedWhenSwitchedOff) {
  HttpServerOptions options;
  options.http2 = false;
  start(options);
  const auto got = reactor_.block_on(net::testing::exchange_text(at_, std::string(kClientPreface) + get(1, "/")));
  EXPECT_EQ(got.substr(0, 12), "HTTP/1.1 505");
}

TEST_F(SessionTest, AnswersManyStreamsOfOneReadAndUsesTheirMemoryAgain) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at);
    std::uint32_t id = 1;
    for (int round = 0; round < 20; ++round) {
      std::string requests;
      for (std::uint32_t i = 0; i < 100; ++i) requests += get(id + 2 * i, "/" + std::to_string(id + 2 * i));
      co_await client->send(requests);
      for (std::uint32_t i = 0; i < 100; ++i, id += 2) {
        const Response got = co_await client->response(id);
        EXPECT_EQ(got.body, "/" + std::to_string(id) + " ");
      }
    }
  });
  EXPECT_EQ(server_->counts().requests, 2000U);
}

TEST_F(SessionTest, SendsABigBodyThroughSmallWindows) {
  play([this](Endpoint at) -> io::Task<void> {
    const std::string settings = setting(SettingId::kInitialWindowSize, 1000);
    auto client = co_await Client::open(at, get(1, "/big") + get(3, "/small"), settings);
    // The small answer does not wait behind the big one's shut window.
    EXPECT_EQ((co_await client->response(3)).body, "/small ");
    EXPECT_EQ(client->so_far(1).body.size(), 1000U);
    co_await client->send(window_update(1, 7000));
    while (!client->so_far(1).is_whole) {
      const auto got = co_await client->next();
      if (!got) break;
      client->note(*got);
      if (got->stream != 1 || got->type != FrameType::kData) continue;
      EXPECT_LE(got->payload.size(), 7000U);
      const auto by = static_cast<std::uint32_t>(got->payload.size());
      co_await client->send(window_update(1, by) + window_update(0, by));
    }
    EXPECT_TRUE(client->so_far(1).body == site_.big);
  });
}

TEST_F(SessionTest, FollowsAWindowThatShrinksBelowZero) {
  play([this](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/big"));
    std::size_t seen = 0;
    while (seen < 65535) {
      const auto got = co_await client->next();
      if (!got) co_return ADD_FAILURE() << "ended";
      client->note(*got);
      if (got->type == FrameType::kData) seen += got->payload.size();
    }
    // Now 65535 - 65535 + (10 - 65535) = -65525 remain: only what lifts it above zero is used.
    // 65535 - 65535 + (10 - 65535) remain: this lifts it to 10 above zero.
    co_await client->send(setting(SettingId::kInitialWindowSize, 10) + window_update(0, 1 << 20) +
                          window_update(1, 65535));
    while (seen < 65545) {
      const auto got = co_await client->next();
      if (!got) co_return ADD_FAILURE() << "ended";
      client->note(*got);
      if (got->type == FrameType::kData) seen += got->payload.size();
    }
    EXPECT_EQ(seen, 65545U);
    co_await client->send(window_update(1, 300'000));
    EXPECT_TRUE((co_await client->response(1)).body == site_.big);
  });
}

TEST_F(SessionTest, TakesUploadsNoFasterThanTheyAreRead) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, post(1, "/echo") + window_update(0, 4 << 20) + window_update(1, 4 << 20));
    const std::string whole = pattern(1'000'000);
    std::int64_t stream_window = 256 * 1024;
    std::int64_t connection_window = 1 << 20;
    std::size_t sent = 0;
    while (true) {
      while (sent < whole.size() && stream_window > 0 && connection_window > 0) {
        const auto n = std::min({whole.size() - sent, std::size_t{16384}, static_cast<std::size_t>(stream_window),
                                 static_cast<std::size_t>(connection_window)});
        co_await client->send(data(1, std::string_view(whole).substr(sent, n), sent + n == whole.size()));
        sent += n;
        stream_window -= static_cast<std::int64_t>(n);
        connection_window -= static_cast<std::int64_t>(n);
      }
      const auto got = co_await client->next();
      if (!got) co_return ADD_FAILURE() << "ended";
      client->note(*got);
      if (got->type == FrameType::kWindowUpdate) {
        (got->stream == 0 ? connection_window : stream_window) += read_u32(got->payload.data());
      }
      if (got->stream == 1 && got->ends()) break;
    }
    EXPECT_TRUE((co_await client->response(1)).body == whole);
  });
}

TEST_F(SessionTest, EndsTheConnectionOfWhoSendsMoreThanTheWindow) {
  HttpServerOptions options;
  options.h2.stream_window = 65535;
  options.h2.connection_window = 1 << 20;
  start(options);
  play([](Endpoint at) -> io::Task<void> {
    std::string flood = post(1, "/wait");
    for (int i = 0; i < 5; ++i) flood += data(1, pattern(16384), false);
    auto client = co_await Client::open(at, flood);
    EXPECT_EQ((co_await client->response(1)).reset, ErrorCode::kFlowControlError);
  });
  EXPECT_EQ(site_.destroyed, 1);
}

TEST_F(SessionTest, LeavesBodiesOutWhereThereAreNone) {
  play([](Endpoint at) -> io::Task<void> {
    const std::string head =
        frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, testing::encode(request("/big", "HEAD")));
    auto client = co_await Client::open(at, head + get(3, "/empty") + get(5, "/silent"));
    const Response to_head = co_await client->response(1);
    EXPECT_EQ(to_head.status, 200);
    EXPECT_EQ(to_head.fields.at("content-length"), "300000");
    EXPECT_EQ(to_head.body, "");
    const Response empty = co_await client->response(3);
    EXPECT_EQ(empty.status, 204);
    EXPECT_EQ(empty.fields.count("content-length"), 0U);
    EXPECT_EQ((co_await client->response(5)).status, 500);
  });
}

TEST_F(SessionTest, TakesTrailersPaddingAndExpectations) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, post(1, "/t", {{"expect", "100-continue"}}));
    int informational = 0;
    while (informational == 0) {
      const auto got = co_await client->next();
      if (!got) break;
      if (got->type == FrameType::kHeaders) informational = got->status;
    }
    EXPECT_EQ(informational, 100);
    const std::string padded = std::string(1, '\x05') + "hello" + std::string(5, '\0');
    co_await client->send(frame(FrameType::kData, kPadded, 1, padded) +
                          frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, testing::encode({{"x-sum", "1"}})));
    EXPECT_EQ((co_await client->response(1)).body, "/t hello");
  });
}

TEST_F(SessionTest, EndsAnUploadThatItsAnswerDidNotWaitFor) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, post(1, "/unread") + data(1, "some", false));
    const Response got = co_await client->response(1);
    EXPECT_EQ(got.status, 403);
    EXPECT_TRUE(got.is_whole);
    // What was on its way is let go by; the connection lives on.
    co_await client->send(data(1, pattern(10'000), false) + get(3, "/next"));
    EXPECT_EQ((co_await client->response(3)).body, "/next ");
    EXPECT_EQ((co_await client->response(1)).reset, ErrorCode::kNoError);
  });
}

TEST_F(SessionTest, ResetsAnAnswerThatCannotBeFinished) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/abort") + get(3, "/fine"));
    const Response got = co_await client->response(1);
    EXPECT_EQ(got.reset, ErrorCode::kInternalError);
    EXPECT_EQ(got.body, "part");
    EXPECT_EQ((co_await client->response(3)).body, "/fine ");
  });
  EXPECT_EQ(server_->counts().h2.resets_aborted, 1U);
}

TEST_F(SessionTest, DestroysTheHandlerOfAStreamThatTheClientResets) {
  play([this](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/wait") + get(3, "/big") + post(5, "/echo"));
    (void)co_await client->next();
    co_await client->send(reset(1) + reset(3) + reset(5) + window_update(0, 65535) + get(7, "/after"));
    EXPECT_EQ((co_await client->response(7)).body, "/after ");
    EXPECT_EQ(site_.destroyed, 4);
  });
  EXPECT_EQ(server_->counts().h2.resets_by_client, 3U);
}

TEST_F(SessionTest, RefusesStreamsBeyondTheLimit) {
  play([](Endpoint at) -> io::Task<void> {
    std::string requests;
    for (std::uint32_t i = 0; i < 100; ++i) requests += get(1 + 2 * i, "/wait");
    auto client = co_await Client::open(at, requests + get(201, "/one-more"));
    EXPECT_EQ((co_await client->response(201)).reset, ErrorCode::kRefusedStream);
  });
  EXPECT_EQ(server_->counts().h2.resets_refused, 1U);
}

TEST_F(SessionTest, LeavesGracefully) {
  play([this](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/soon"));
    while (site_.handled == 0) co_await io::yield();
    bool has_drained = false;
    const auto drain = [](HttpServer& server, MonoTime deadline, bool& has_ended) -> io::Task<void> {
      co_await server.drain(deadline);
      has_ended = true;
    };
    reactor_.spawn(drain(*server_, reactor_.in(5s), has_drained));
    std::vector<std::uint32_t> last;
    bool has_asked = false;
    std::string body;
    while (const auto got = co_await client->next()) {
      client->note(*got);
      if (got->type == FrameType::kGoaway) last.push_back(read_u32(got->payload.data()));
      if (got->type == FrameType::kPing && !has_asked) {
        // Asked before the announcement was read: still served.
        has_asked = true;
        co_await client->send(get(3, "/late") + frame(FrameType::kPing, kAck, 0, got->payload));
      }
    }
    EXPECT_EQ(last, (std::vector<std::uint32_t>{kMaxStreamId, 3}));
    EXPECT_EQ((co_await client->response(1)).body, "/soon ");
    EXPECT_EQ((co_await client->response(3)).body, "/late ");
    while (!has_drained) co_await io::yield();
  });
}

TEST_F(SessionTest, AnswersAnnounceTheEndWhenTheHandlerClosesAfterThem) {
  FunctionHandler closing{[](Exchange& exchange) -> io::Task<void> {
    exchange.close_after();
    (void)co_await exchange.respond_text(200, "text/plain", "bye");
  }};
  HttpServer server(reactor_, closing);
  const Endpoint at = server.listen(kAnyLoopback).value();
  reactor_.block_on([](Endpoint to) -> io::Task<void> {
    auto client = co_await Client::open(to, get(1, "/"));
    EXPECT_EQ((co_await client->response(1)).body, "bye");
    EXPECT_EQ(co_await client->goaway(), ErrorCode::kNoError);
  }(at));
}

TEST_F(SessionTest, LeavesAConnectionThatWasUsedForLongEnough) {
  HttpServerOptions options;
  options.h2.max_requests = 3;
  start(options);
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at, get(1, "/") + get(3, "/") + get(5, "/") + get(7, "/"));
    EXPECT_EQ((co_await client->response(7)).body, "/ ");
    EXPECT_EQ(co_await client->goaway(), ErrorCode::kNoError);
  });
}

// --- what is asked, and whether it may be passed on ---

TEST_F(SessionTest, PassesOnARequestAsHttp1WouldSayIt) {
  play([this](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(
        at,
        get(1, "/p?q", {{"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2"}, {"x-own", "v"}, {"te", "trailers"}}));
    (void)co_await client->response(1);
    EXPECT_EQ(site_.seen, "GET example.org /p?q|Host=example.org|Accept=*/*|x-own=v|TE=trailers|Cookie=a=1; b=2");
    co_await client->send(get(3, "/", {{"host", "EXAMPLE.org:80"}}));
    EXPECT_EQ((co_await client->response(3)).status, 200);
    EXPECT_EQ(site_.seen, "GET example.org /|Host=example.org");
  });
}

}  // namespace
}  // namespace yz::net::h2
