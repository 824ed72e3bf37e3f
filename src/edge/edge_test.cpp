#include <future>
#include <set>

#include "base/file.h"
#include "edge/testing.h"
#include "http/range.h"

namespace yz::edge::testing {
namespace {

using net::Exchange;

/// Cacheable for an hour, with validators, body "hello world".
io::Task<void> answer_hello(Exchange& exchange) {
  http::HeaderMap headers{{"Cache-Control", "max-age=3600"}, {"ETag", "\"v1\""}, {"Content-Type", "text/plain"}};
  (void)co_await exchange.respond(200, std::move(headers), "hello world");
}

TEST(Edge, AMissIsFetchedOnceAndThenHit) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  const Reply first = ask(edge->listening()[0], "GET", "/a");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "hello world");
  EXPECT_NE(first.field("Cache-Status").find("fwd=uri-miss; fwd-status=200; stored"), std::string::npos) << first.head;
  const Reply second = ask(edge->listening()[0], "GET", "/a");
  EXPECT_EQ(second.body, "hello world");
  EXPECT_EQ(second.field("Cache-Status").substr(0, 18), "yizhan; hit; ttl=3") << second.head;
  EXPECT_EQ(second.field("Content-Length"), "11");
  EXPECT_NE(second.field("Age"), "");
  EXPECT_EQ(second.field("Via"), "1.1 yizhan");
  EXPECT_EQ(origin.count("GET /a"), 1);
  EXPECT_EQ(origin.last_field("CDN-Loop"), "yizhan");
  EXPECT_EQ(origin.last_field("X-Forwarded-For"), "127.0.0.1");
}

TEST(Edge, HostsAndQueriesAreKeptApart) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  for (const auto* host : {"a.test", "b.test", "A.TEST"}) (void)ask(edge->listening()[0], "GET", "/a", "", host);
  (void)ask(edge->listening()[0], "GET", "/a?x");
  EXPECT_EQ(origin.count("GET /a"), 3);
}

TEST(Edge, AnswersHeadConditionsAndRangesFromTheStore) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  const Reply head = ask(at, "HEAD", "/a");
  EXPECT_EQ(head.field("Content-Length"), "11");
  EXPECT_EQ(head.body, "");
  const Reply same = ask(at, "GET", "/a", "If-None-Match: \"v1\"\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.field("ETag"), "\"v1\"");
  EXPECT_EQ(same.field("Content-Type"), "");
  EXPECT_EQ(ask(at, "GET", "/a", "If-None-Match: \"v2\"\r\n").status, 200);
  const Reply range = ask(at, "GET", "/a", "Range: bytes=6-\r\n");
  EXPECT_EQ(range.status, 206);
  EXPECT_EQ(range.body, "world");
  EXPECT_EQ(range.field("Content-Range"), "bytes 6-10/11");
  EXPECT_EQ(ask(at, "GET", "/a", "Range: bytes=-3\r\nIf-Range: \"v1\"\r\n").body, "rld");
  EXPECT_EQ(ask(at, "GET", "/a", "Range: bytes=-3\r\nIf-Range: \"v0\"\r\n").body, "hello world");
  const Reply none = ask(at, "GET", "/a", "Range: bytes=50-\r\n");
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.field("Content-Range"), "bytes */11");
  const Reply several = ask(at, "GET", "/a", "Range: bytes=0-1,6-7\r\n");
  EXPECT_EQ(several.status, 206);
  EXPECT_EQ(std::to_string(several.body.size()), several.field("Content-Length"));
  EXPECT_NE(several.body.find("Content-Range: bytes 6-7/11\r\n\r\nwo"), std::string::npos);
  EXPECT_EQ(origin.count("GET /a"), 1);
}

TEST(Edge, ARangeOfAColdObjectFetchesAllOfItOnce) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  const Reply range = ask(edge->listening()[0], "GET", "/a", "Range: bytes=0-4\r\n");
  EXPECT_EQ(range.status, 206);
  EXPECT_EQ(range.body, "hello");
  EXPECT_EQ(origin.last_field("Range"), "bytes=0-1048575");  // a slice, for all we know
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a").body, "hello world");
  EXPECT_EQ(origin.count("GET /a"), 1);
}

TEST(Edge, VariantsAreKeptSideBySide) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    const std::string coding(exchange.request().fields.value(http::FieldId::kAcceptEncoding).value_or("none"));
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}, {"Vary", "Accept-Encoding"}};
    (void)co_await exchange.respond(200, std::move(headers), "for " + coding);
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "GET", "/a", "Accept-Encoding: gzip\r\n").body, "for gzip");
  EXPECT_EQ(ask(at, "GET", "/a", "Accept-Encoding: br\r\n").body, "for br");
  EXPECT_EQ(ask(at, "GET", "/a").body, "for none");
  EXPECT_EQ(ask(at, "GET", "/a", "Accept-Encoding: GZIP;q=0.8\r\n").body, "for gzip");
  EXPECT_EQ(origin.count("GET /a"), 3);
}

TEST(Edge, AStaleResponseIsValidatedAndItsFieldsRenewed) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"ETag", "\"v1\""}, {"Cache-Control", "max-age=0"}, {"X-Count", "first"}};
    if (exchange.request().fields.value(http::FieldId::kIfNoneMatch) == "\"v1\"") {
      headers.set("Cache-Control", "max-age=60");
      headers.set("X-Count", "second");
      (void)co_await exchange.respond(304, std::move(headers), "");
    } else {
      (void)co_await exchange.respond(200, std::move(headers), "body");
    }
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "GET", "/a").field("X-Count"), "first");
  const Reply renewed = ask(at, "GET", "/a");
  EXPECT_EQ(renewed.status, 200);
  EXPECT_EQ(renewed.body, "body");
  EXPECT_EQ(renewed.field("X-Count"), "second");
  EXPECT_NE(ask(at, "GET", "/a").field("Cache-Status").find("hit"), std::string::npos);
  EXPECT_EQ(origin.count("GET /a"), 2);
}

TEST(Edge, FiveHundredMissesAreOneFetchAndAllAreStreamed) {
  std::atomic<bool> may_finish{false};
  const std::string half(300'000, 'x');
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    exchange.begin(200, http::HeaderMap{{"Cache-Control", "max-age=60"}}, {2 * half.size()});
    if (!co_await exchange.send(half)) co_return;
    while (!may_finish) co_await io::sleep_for(std::chrono::milliseconds(1));
    if (!co_await exchange.send(half)) co_return;
    (void)co_await exchange.finish();
  });
  const auto edge = start_edge(origin.endpoint(), http::Profile::kRfc, 2);
  io::Reactor clients;
  std::size_t begun = 0;
  std::size_t whole = 0;
  const auto one = [&](Endpoint at) -> io::Task<void> {
    auto stream = co_await io::connect(at, clients.in(std::chrono::seconds(20)));
    if (!stream) co_return;
    (void)co_await stream->write_all("GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
                                     std::chrono::seconds(5));
    std::string text = co_await net::testing::read_up_to(*stream, 1000);
    if (++begun == 500) may_finish = true;  // everyone has bytes of a body that is still arriving
    text += co_await net::testing::read_up_to(*stream, SIZE_MAX);
    const Reply reply = parse_reply(text);
    if (reply.status == 200 && reply.body.size() == 2 * half.size()) ++whole;
    if (whole == 500) clients.stop();
  };
  io::TaskScope scope;
  for (int i = 0; i < 500; ++i) clients.spawn_into(scope, one(edge->listening()[0]));
  if (whole < 500) clients.run();
  EXPECT_EQ(whole, 500U);
  EXPECT_EQ(origin.count("GET /big"), 1);
}

TEST(Edge, AClientThatLeavesDoesNotCancelTheFill) {
  std::atomic<bool> may_finish{false};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    exchange.begin(200, http::HeaderMap{{"Cache-Control", "max-age=60"}}, {6});
    if (!co_await exchange.send("abc")) co_return;
    while (!may_finish) co_await io::sleep_for(std::chrono::milliseconds(1));
    if (!co_await exchange.send("def")) co_return;
    (void)co_await exchange.finish();
  });
  const auto edge = start_edge(origin.endpoint());
  {
    io::Reactor reactor;
    reactor.block_on([](Endpoint at) -> io::Task<void> {
      auto stream = co_await io::connect(at, io::Reactor::current().in(std::chrono::seconds(5)));
      (void)co_await stream->write_all("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n", std::chrono::seconds(5));
      (void)co_await net::testing::read_up_to(*stream, 10);
      stream->reset_connection();
    }(edge->listening()[0]));
  }
  may_finish = true;
  EXPECT_TRUE(eventually([&] { return edge->store().stats().objects > 0; }));
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a").body, "abcdef");
  EXPECT_EQ(origin.count("GET /a"), 1);
}

TEST(Edge, AnOriginThatDiesMidBodyLeavesNothingBehind) {
  std::atomic<int> asked{0};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    exchange.begin(200, http::HeaderMap{{"Cache-Control", "max-age=60"}}, {6});
    if (!co_await exchange.send("abc")) co_return;
    if (++asked == 1) co_return exchange.abort();
    if (!co_await exchange.send("def")) co_return;
    (void)co_await exchange.finish();
  });
  const auto edge = start_edge(origin.endpoint());
  const Reply broken = ask(edge->listening()[0], "GET", "/a");
  // The reset may overtake the head; then it is a bad gateway instead of half a body.
  EXPECT_TRUE(broken.status == 502 || broken.body.size() < 6) << broken.head << broken.body;
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a").body, "abcdef");
  EXPECT_EQ(asked, 2);
}

TEST(Edge, AnswersThatMayNotBeSharedGoToEachViewerAlone) {
  std::atomic<int> number{0};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "private"}, {"Set-Cookie", "sid=1"}};
    (void)co_await exchange.respond(200, std::move(headers), "for you " + std::to_string(++number));
  });
  const auto edge = start_edge(origin.endpoint(), http::Profile::kSafe);
  std::vector<std::future<std::string>> bodies;
  for (int i = 0; i < 8; ++i) {
    bodies.push_back(std::async(std::launch::async, [&] { return ask(edge->listening()[0], "GET", "/me").body; }));
  }
  std::set<std::string> seen;
  for (auto& body : bodies) seen.insert(body.get());
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_EQ(number, 8);
}

TEST(Edge, AFillThatAPurgeOvertookIsNeitherJoinedNorKept) {
  std::atomic<bool> may_finish{false};
  std::atomic<int> asked{0};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    const int turn = ++asked;
    exchange.begin(200, http::HeaderMap{{"Cache-Control", "max-age=60"}}, {3});
    if (!co_await exchange.flush()) co_return;
    while (turn == 1 && !may_finish) co_await io::sleep_for(std::chrono::milliseconds(1));
    if (!co_await exchange.send(turn == 1 ? "old" : "new")) co_return;
    (void)co_await exchange.finish();
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  auto slow = std::async(std::launch::async, [&] { return ask(at, "GET", "/a").body; });
  ASSERT_TRUE(eventually([&] { return asked == 1; }));
  ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kUrl, "a.test", "/a", true));
  EXPECT_EQ(ask(at, "GET", "/a").body, "new");
  may_finish = true;
  EXPECT_EQ(slow.get(), "old");  // it was asked before the purge
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(at, "GET", "/a").body, "new");
  EXPECT_EQ(asked, 2);
}

TEST(Edge, PurgesHitWhatTheyNameAndNothingElse) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}, {"Cache-Tag", "news, front"}};
    (void)co_await exchange.respond(200, std::move(headers), "x");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  const auto fill = [&] {
    for (const auto* path : {"/d/a", "/d/e/b", "/c"}) (void)ask(at, "GET", path);
  };
  fill();
  ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kDirectory, "a.test", "/d/", true));
  fill();
  EXPECT_EQ(origin.count("GET /d/a"), 2);
  EXPECT_EQ(origin.count("GET /d/e/b"), 2);
  EXPECT_EQ(origin.count("GET /c"), 1);
  ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kTag, "a.test", "front", true));
  fill();
  EXPECT_EQ(origin.count("GET /c"), 2);
  ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kHost, "b.test", "", true));
  fill();
  EXPECT_EQ(origin.count("GET /c"), 2);
  ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kAll, "", "", true));
  fill();
  EXPECT_EQ(origin.count("GET /c"), 3);
}

TEST(Edge, ASuccessfulPostInvalidatesItsTarget) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  EXPECT_EQ(ask(at, "POST", "/a", "", "a.test", "data").status, 200);
  (void)ask(at, "GET", "/a");
  EXPECT_EQ(origin.count("GET /a"), 2);
  EXPECT_EQ(ask(at, "M-SEARCH", "/a").status, 200);
  (void)ask(at, "GET", "/a");
  EXPECT_EQ(origin.count("GET /a"), 3);
}

TEST(Edge, StaleStandsInForADeadOriginWithinItsWindow) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    const bool prohibited = exchange.request().path == "/strict";
    http::HeaderMap headers{{"Cache-Control", prohibited ? "max-age=0, must-revalidate, stale-if-error=60"
                                                         : "max-age=0, stale-if-error=60"},
                            {"ETag", "\"x\""}};
    (void)co_await exchange.respond(200, std::move(headers), "kept");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  (void)ask(at, "GET", "/strict");
  origin.stop();
  const Reply stale = ask(at, "GET", "/a");
  EXPECT_EQ(stale.status, 200);
  EXPECT_EQ(stale.body, "kept");
  EXPECT_NE(stale.field("Cache-Status").find("detail=connect-refused"), std::string::npos);
  EXPECT_EQ(ask(at, "GET", "/strict").status, 502);
  EXPECT_EQ(ask(at, "GET", "/never-seen").status, 502);
}

/// What may be shown stale is asked for again: answers "v1", stale at once, then "v2", fresh for a minute, and so on.
FakeOrigin::Answer ageing_at_first(std::atomic<int>& number) {
  return [&number](Exchange& exchange) -> io::Task<void> {
    const int n = ++number;
    http::HeaderMap headers{{"Cache-Control", n == 1 ? "max-age=0, stale-while-revalidate=60" : "max-age=60"},
                            {"ETag", "\"" + std::to_string(n) + "\""}};
    (void)co_await exchange.respond(200, std::move(headers), "v" + std::to_string(n));
  };
}

TEST(Edge, StaleWhileRevalidateAnswersAtOnceAndFetchesBehind) {
  std::atomic<int> number{0};
  FakeOrigin origin(ageing_at_first(number));
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "GET", "/a").body, "v1");
  EXPECT_EQ(ask(at, "GET", "/a").body, "v1");
  EXPECT_TRUE(eventually([&] { return ask(at, "GET", "/a").body == "v2"; }));
}

TEST(Edge, AHeadThatFindsSomethingStaleHasItFetchedWithItsBody) {
  std::atomic<int> number{0};
  FakeOrigin origin(ageing_at_first(number));
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "GET", "/a").body, "v1");
  EXPECT_EQ(ask(at, "HEAD", "/a").status, 200);
  ASSERT_TRUE(eventually([&] { return number == 2 && edge->store().stats().fills == 0; }));
  EXPECT_EQ(ask(at, "GET", "/a").body, "v2");
  EXPECT_EQ(number, 2);
}

TEST(Edge, LoopsAndUnknownPathsOfOursAreRefused) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "GET", "/a", "CDN-Loop: other, yizhan\r\n").status, 508);
  EXPECT_EQ(ask(at, "GET", "/.yz/nothing").status, 404);
  EXPECT_EQ(ask(at, "TRACE", "/a").status, 405);
  EXPECT_EQ(ask(at, "GET", "/.yz/healthz").status, 200);
  edge->set_draining(true);
  EXPECT_EQ(ask(at, "GET", "/.yz/healthz").status, 503);
  EXPECT_EQ(origin.count("GET /a"), 0);
}

TEST(Edge, InternalAndOverrideFieldsNeverReachTheOrigin) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  (void)ask(
      edge->listening()[0], "GET", "/a",
      "Yz-Peer: 1 2 3\r\nX-Forwarded-Host: evil\r\nX-Forwarded-For: 9.9.9.9\r\nX-Hop: 1\r\nConnection: X-Hop\r\n");
  EXPECT_EQ(origin.last_field("Yz-Peer"), "");
  EXPECT_EQ(origin.last_field("X-Forwarded-Host"), "");
  EXPECT_EQ(origin.last_field("X-Hop"), "");
  EXPECT_EQ(origin.last_field("X-Forwarded-For"), "127.0.0.1");
}

TEST(Edge, AmbiguousPathsArePassedThroughUncached) {
  FakeOrigin origin(answer_hello);
  const auto edge = start_edge(origin.endpoint());
  for (int i = 0; i < 2; ++i) (void)ask(edge->listening()[0], "GET", "/a/..%2fb.css");
  EXPECT_EQ(origin.count("GET /a/..%2fb.css"), 2);
}

TEST(Edge, AClientTooSlowForTheWindowGetsTheRestOfALargeBodyForItself) {
  constexpr std::uint64_t kSize = 40 << 20;
  constexpr std::uint64_t kFirst = 1000;
  static const std::string kBlock = [] {
    std::string block;
    for (int i = 0; block.size() < 1 << 20; ++i) block += std::to_string(i) + ",";
    block.resize(1 << 20);
    return block;
  }();
  std::atomic<int> ranges{0};
  std::atomic<int> begun{0};           // clients that have the first bytes
  std::atomic<std::uint64_t> fast{0};  // what the first client has
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}, {"ETag", "\"big\""}};
    std::uint64_t at = 0;
    if (const auto field = exchange.request().fields.value(http::FieldId::kRange)) {
      const auto set = http::RangeSet::parse(*field, kSize);
      at = set.ranges().front().first;
      headers.add("Content-Range", http::content_range(set.ranges().front(), kSize));
      ++ranges;
    }
    const bool is_whole = at == 0;
    exchange.begin(is_whole ? 200 : 206, headers, {kSize - at});
    while (at < kSize) {
      const std::string_view piece = std::string_view(kBlock).substr(at % kBlock.size(), at == 0 ? kFirst : kSize);
      if (!co_await exchange.send(piece)) co_return;
      at += piece.size();
      // Who comes when the window has moved leads a fill of its own, and who is behind what the slow one's socket takes
      // is slow as well: both are there before it moves, and it goes as far as the first reads.
      while (is_whole && (begun < 2 || at > fast + kBlock.size())) co_await io::sleep_for(std::chrono::milliseconds(1));
    }
    (void)co_await exchange.finish();
  });
  Options options = options_before(origin.endpoint());  // keeps at most 32 MiB of one object
  options.slice_size = {0};
  const auto edge = start_edge(std::move(options));
  io::Reactor clients;
  std::array<std::uint64_t, 2> received{};
  const auto one = [&](Endpoint at, std::size_t index) -> io::Task<void> {
    auto stream = co_await io::connect(at, clients.in(std::chrono::seconds(20)));
    if (!stream) co_return;
    (void)co_await stream->write_all("GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
                                     std::chrono::seconds(5));
    std::array<char, 65536> buffer;
    bool is_past_head = false;
    std::uint64_t offset = 0;
    for (;;) {
      const auto n = co_await stream->read(buffer, clients.in(std::chrono::seconds(20)));
      if (!n || *n == 0) break;
      std::string_view text(buffer.data(), *n);
      if (!std::exchange(is_past_head, true)) text.remove_prefix(text.find("\r\n\r\n") + 4);
      if (offset == 0 && !text.empty()) ++begun;
      for (; !text.empty(); ++offset, text.remove_prefix(1)) {
        if (text.front() != kBlock[offset % kBlock.size()]) co_return;
      }
      if (index == 0) fast = offset;
      // The second client waits until the first has everything.
      while (index == 1 && received[0] == 0) co_await io::sleep_for(std::chrono::milliseconds(5));
    }
    received[index] = offset;
    if (received[0] > 0 && received[1] > 0) clients.stop();
  };
  clients.post([&] { clients.spawn(one(edge->listening()[0], 1)); });
  clients.post([&] { clients.spawn(one(edge->listening()[0], 0)); });
  clients.post([&] {
    clients.spawn([](io::Reactor& r) -> io::Task<void> {
      co_await io::sleep_for(std::chrono::seconds(60));
      r.stop();
    }(clients));
  });
  clients.run();
  EXPECT_EQ(received[0], kSize);
  EXPECT_EQ(received[1], kSize);
  EXPECT_EQ(ranges, 1);
}

TEST(Edge, AnOriginThatDoesNotSpeakHttpIsABadGateway) {
  io::ReactorThread thread("bad-origin");
  Endpoint at;
  thread.run_and_wait([&](io::Reactor& reactor) {
    auto listener = io::TcpListener::bind(reactor, net::testing::kAnyLoopback);
    ASSERT_TRUE(listener);
    at = listener->local();
    reactor.spawn([](io::TcpListener own) -> io::Task<void> {
      for (;;) {
        auto stream = co_await own.accept(io::kNoDeadline);
        if (!stream) co_return;
        (void)co_await net::testing::read_up_to(*stream, 1);
        (void)co_await stream->write_all("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
                                         std::chrono::seconds(1));
      }
    }(std::move(*listener)));
  });
  const auto edge = start_edge(at);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a").status, 502);
}

}  // namespace
}  // namespace yz::edge::testing
