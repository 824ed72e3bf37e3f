#include "edge/upstream/testing.h"
#include "io/tcp_stream.h"

namespace yz::edge::testing {
namespace {

/// Who waits for whom, and for how long.
class Patience : public Origins {
 protected:
  /// Connects and sends `request`; what the viewer does then is `go_on`'s to say.
  void visit(const std::string& request, const std::function<io::Task<void>(io::TcpStream&)>& go_on) {
    io::Reactor reactor;
    reactor.block_on([](Endpoint at, std::string text, const auto& then) -> io::Task<void> {
      auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
      EXPECT_TRUE(stream);
      EXPECT_TRUE(co_await stream->write_all(text, 5s));
      co_await then(*stream);
    }(edge_->listening()[0], request, go_on));
  }
};

TEST_F(Patience, OneWhoWaitsTakesTheLateLeadersPlace) {
  std::atomic<int> asked{0};
  std::atomic<bool> first_may_answer{false};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    const bool is_first = ++asked == 1;
    while (is_first && !first_may_answer) co_await io::sleep_for(1ms);
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}};
    (void)co_await exchange.respond(200, std::move(headers), is_first ? "late" : "in time");
  });
  add(origin.endpoint());
  leader_timeout_ = 100ms;
  start(2);
  Reply leader;
  std::thread leading([&] { leader = get("/x"); });
  EXPECT_TRUE(eventually([&] { return asked == 1; }));
  std::vector<Reply> followers(6);
  std::vector<std::thread> threads;
  for (Reply& reply : followers) threads.emplace_back([&] { reply = get("/x"); });
  for (auto& thread : threads) thread.join();
  for (const Reply& reply : followers) EXPECT_EQ(reply.body, "in time");
  EXPECT_EQ(asked, 2) << "one of six took the place, the others followed it";
  first_may_answer = true;
  leading.join();
  EXPECT_EQ(leader.body, "late");
}

TEST_F(Patience, AFillNobodyWaitsForGoesOnOrStopsAsTheGroupSays) {
  for (const auto policy : {model::OnClientAbort::kFinish, model::OnClientAbort::kStopBelow}) {
    constexpr std::size_t kSize = 2 << 20;
    std::atomic<bool> viewer_left{false};
    std::atomic<bool> was_cut{false}, was_whole{false};
    FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
      http::HeaderMap headers{{"Cache-Control", "max-age=60"}};
      exchange.begin(200, headers, {kSize});
      const std::string piece(16 * 1024, 'x');
      for (std::size_t sent = 0; sent < kSize; sent += piece.size()) {
        if (sent == 4 * piece.size()) {
          while (!viewer_left) co_await io::sleep_for(1ms);
        }
        co_await io::sleep_for(1ms);
        if (!co_await exchange.send(piece)) {
          was_cut = true;
          co_return;
        }
      }
      was_whole = (co_await exchange.finish()).has_value();
    });
    group_.origins.clear();
    add(origin.endpoint());
    group_.on_client_abort = policy;
    group_.finish_percent = 90;
    start();
    visit("GET /x HTTP/1.1\r\nHost: www.a.com\r\n\r\n",
          [](io::TcpStream& stream) -> io::Task<void> { (void)co_await net::testing::read_up_to(stream, 20'000); });
    viewer_left = true;
    EXPECT_TRUE(eventually([&] { return was_cut || was_whole; }));
    EXPECT_EQ(was_whole, policy == model::OnClientAbort::kFinish);
    if (was_whole) {
      EXPECT_TRUE(eventually([&] { return get("/x").is_hit(); }));
    }
    edge_.reset();
  }
}

TEST_F(Patience, AnOriginThatTakesNoUploadHoldsTheViewerBack) {
  std::atomic<bool> may_end{false};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    while (!may_end) co_await io::sleep_for(1ms);
    exchange.abort();
  });
  add(origin.endpoint());
  start();
  constexpr std::size_t kUpload = 256 << 20;
  std::size_t taken = 0;
  visit("POST /up HTTP/1.1\r\nHost: www.a.com\r\nContent-Length: " + std::to_string(kUpload) + "\r\n\r\n",
        [&](io::TcpStream& stream) -> io::Task<void> {
          const std::string piece(64 * 1024, 'u');
          while (taken < kUpload && co_await stream.write_all(piece, 200ms)) taken += piece.size();
        });
  EXPECT_LT(taken, 24U << 20) << "no more than sockets hold";
  may_end = true;
}

TEST_F(Patience, AViewerThatTakesNothingHoldsTheOriginBack) {
  std::atomic<std::size_t> sent{0};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "no-store"}};
    exchange.begin(200, headers, {std::nullopt});
    const std::string piece(64 * 1024, 'd');
    while (sent < (256U << 20) && co_await exchange.send(piece)) sent += piece.size();
  });
  add(origin.endpoint());
  start();
  visit("GET /down HTTP/1.1\r\nHost: www.a.com\r\n\r\n", [&](io::TcpStream&) -> io::Task<void> {
    for (std::size_t before = 1; before != sent;) {
      before = sent;
      co_await io::sleep_for(150ms);
    }
  });
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, 24U << 20) << "no more than sockets and one buffer hold";
}

TEST_F(Patience, AnOriginThatFallsSilentInItsBodyIsGivenUp) {
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "no-store"}};
    exchange.begin(200, headers, {100});
    (void)co_await exchange.send("half");
    co_await io::sleep_for(2s);
  });
  add(origin.endpoint());
  group_.idle_timeout = 30ms;
  start();
  const Reply broken = get("/");
  EXPECT_EQ(broken.status, 200);
  EXPECT_EQ(broken.body, "half") << "and the connection ended without a clean end";
}

TEST_F(Patience, AViewerIsInvitedToSendOnlyWhenTheOriginIsThere) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    const auto body = co_await exchange.read_body_all(100);
    co_await answer_with(exchange, 200, "got " + body.value_or(""));
  });
  add(origin.endpoint());
  start();
  const std::string request =
      "POST / HTTP/1.1\r\nHost: www.a.com\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\n";
  std::string invited, refused;
  visit(request, [&](io::TcpStream& stream) -> io::Task<void> {
    invited = co_await net::testing::read_up_to(stream, 10);
    (void)co_await stream.write_all("body", 5s);
    invited += co_await net::testing::read_up_to(stream, SIZE_MAX);
  });
  EXPECT_TRUE(invited.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << invited;
  EXPECT_TRUE(invited.ends_with("got body"));
  origin.stop();
  visit(request, [&](io::TcpStream& stream) -> io::Task<void> {
    refused = co_await net::testing::read_up_to(stream, SIZE_MAX);
  });
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 502 ")) << refused;
}

}  // namespace
}  // namespace yz::edge::testing
