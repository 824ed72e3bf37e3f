#include "edge/raw_origin.h"
#include "edge/testing.h"

namespace yz::edge::testing {
namespace {

using net::Exchange;

std::string ask_raw(const Endpoint& server, std::string request) {
  io::Reactor reactor;
  return reactor.block_on(net::testing::exchange_text(server, std::move(request)));
}

TEST(Semantics, InterimResponsesReachTheClientThatCausedThemAndNobodyElse) {
  RawOrigin origin(
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: hop\r\nHop: x\r\n\r\n"
      "HTTP/1.1 102 Processing\r\n\r\n"
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  const std::string first = ask_raw(at, "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(first.substr(0, 61), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP") << first;
  EXPECT_NE(first.find("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n"), std::string::npos) << first;
  const std::string hit = ask_raw(at, "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(hit.substr(0, 17), "HTTP/1.1 200 OK\r\n") << hit;
  EXPECT_EQ(hit.find("Link"), std::string::npos);
  // HTTP/1.0 knows no interim responses; a request that is passed has them, too.
  const std::string old = ask_raw(at, "GET /b HTTP/1.0\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(old.substr(0, 17), "HTTP/1.1 200 OK\r\n") << old;
  const std::string posted =
      ask_raw(at, "POST /c HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(posted.substr(0, 25), "HTTP/1.1 103 Early Hints\r") << posted;
}

TEST(Semantics, AnUnknownTransferCodingIsReadUntilCloseOrRefusedAsTheProfileSays) {
  RawOrigin origin("HTTP/1.1 200 OK\r\nTransfer-Encoding: strange\r\nCache-Control: max-age=60\r\n\r\nsome bytes");
  const auto to_the_letter = start_edge(origin.endpoint(), http::Profile::kRfc);
  const Reply reply = ask(to_the_letter->listening()[0], "GET", "/a");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "some bytes");
  const auto safe = start_edge(origin.endpoint(), http::Profile::kSafe);
  EXPECT_EQ(ask(safe->listening()[0], "GET", "/a").status, 502);
}

TEST(Semantics, AHeadRenewsWhatIsStoredOrMakesItInvalid) {
  std::atomic<int> version{1};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    const bool is_head = exchange.request().method == http::Method::kHead;
    http::HeaderMap headers{{"Cache-Control", is_head ? "max-age=60" : "max-age=0"}, {"X-Seen", is_head ? "2" : "1"}};
    headers.add("ETag", version == 1 ? "\"v1\"" : "\"v2\"");
    (void)co_await exchange.respond(200, std::move(headers), "body");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  EXPECT_EQ(ask(at, "HEAD", "/a").status, 200);
  const Reply renewed = ask(at, "GET", "/a");
  EXPECT_TRUE(renewed.is_hit()) << renewed.head;
  EXPECT_EQ(renewed.field("X-Seen"), "2");
  EXPECT_EQ(renewed.body, "body");
  EXPECT_EQ(origin.count("GET /a"), 1);

  (void)ask(at, "GET", "/b");
  version = 2;
  (void)ask(at, "HEAD", "/b");
  EXPECT_EQ(ask(at, "GET", "/b").field("Cache-Status"), "yizhan; fwd=uri-miss; fwd-status=200; stored");
}

TEST(Semantics, APostThatSaysWhereItsAnswerIsFoundAnswersLaterGets) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}};
    const bool elsewhere = exchange.request().path == "/elsewhere";
    if (exchange.request().path != "/silent") headers.add("Content-Location", elsewhere ? "/other" : "/a");
    const std::string method(exchange.request().method_text);
    (void)co_await exchange.respond(200, std::move(headers), "by " + method);
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "POST", "/a", "", "a.test", "x").body, "by POST");
  EXPECT_EQ(ask(at, "GET", "/a").body, "by POST");
  for (const char* other : {"/elsewhere", "/silent"}) {
    (void)ask(at, "POST", other, "", "a.test", "x");
    EXPECT_EQ(ask(at, "GET", other).body, "by GET") << other;
  }
  const auto safe = start_edge(origin.endpoint(), http::Profile::kSafe);
  (void)ask(safe->listening()[0], "POST", "/a", "", "a.test", "x");
  EXPECT_EQ(ask(safe->listening()[0], "GET", "/a").body, "by GET");
}

TEST(Semantics, AResponseInTheLanguagePreferredAnswersWhoeverAsks) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}, {"Vary", "Accept-Language"}, {"Content-Language", "de"}};
    (void)co_await exchange.respond(200, std::move(headers), "hallo");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a", "Accept-Language: en, de\r\n");
  EXPECT_TRUE(ask(at, "GET", "/a", "Accept-Language: fr;q=0.5, de;q=1.0\r\n").is_hit());
  EXPECT_TRUE(ask(at, "GET", "/a", "Accept-Language: en, de\r\n").is_hit());
  EXPECT_FALSE(ask(at, "GET", "/a", "Accept-Language: fr, de;q=0.5\r\n").is_hit());
  const auto safe = start_edge(origin.endpoint(), http::Profile::kSafe);
  (void)ask(safe->listening()[0], "GET", "/a", "Accept-Language: en, de\r\n");
  EXPECT_FALSE(ask(safe->listening()[0], "GET", "/a", "Accept-Language: fr;q=0.5, de;q=1.0\r\n").is_hit());
}

TEST(Semantics, AnOriginThatFailsIsNotAskedOncePerRequest) {
  std::atomic<bool> fails{false};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    const http::StatusCode status = fails ? 503 : 200;
    http::HeaderMap headers{{"Cache-Control", "max-age=0, stale-if-error=600"}, {"ETag", "\"v1\""}};
    (void)co_await exchange.respond(status, std::move(headers), "body");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  fails = true;
  for (int i = 0; i < 20; ++i) {
    const Reply stale = ask(at, "GET", "/a");
    EXPECT_EQ(stale.status, 200);
    EXPECT_EQ(stale.body, "body");
  }
  EXPECT_LE(origin.count("GET /a"), 3);  // the first, one failure, one more if this machine takes a second
  EXPECT_GE(origin.count("GET /a"), 2);
}

TEST(Semantics, A304ThatForbidsStoringTakesItBack) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    const bool asks_if = exchange.request().fields.has(http::FieldId::kIfNoneMatch);
    http::HeaderMap headers{{"Cache-Control", asks_if ? "no-store" : "max-age=0"}, {"ETag", "\"v1\""}};
    (void)co_await exchange.respond(asks_if ? 304 : 200, std::move(headers), asks_if ? "" : "body");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  EXPECT_EQ(ask(at, "GET", "/a").body, "body");
  EXPECT_EQ(edge->store().stats().objects, 0U);
}

TEST(Semantics, WhyAResponseWasNotStoredIsSaid) {
  FakeOrigin origin([](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}};
    (void)co_await exchange.respond(200, std::move(headers), "x");
  });
  const auto edge = start_edge(origin.endpoint(), http::Profile::kSafe);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a").field("Cache-Status"),
            "yizhan; fwd=uri-miss; fwd-status=200; detail=set-cookie");
}

TEST(Semantics, AnUnsafeMethodReachesVariantsAndWhatIsInFlight) {
  std::atomic<bool> may_finish{false};
  std::atomic<int> generation{1};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    if (exchange.request().method == http::Method::kPost) {
      (void)co_await exchange.respond(204, {}, "");
      co_return;
    }
    const std::string body = "generation " + std::to_string(generation);
    exchange.begin(200, http::HeaderMap{{"Cache-Control", "max-age=60"}, {"Vary", "Accept-Encoding"}}, {body.size()});
    if (!co_await exchange.flush()) co_return;
    while (!may_finish) co_await io::sleep_for(std::chrono::milliseconds(1));
    if (!co_await exchange.send(body)) co_return;
    (void)co_await exchange.finish();
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  std::thread old([&] { EXPECT_EQ(ask(at, "GET", "/a", "Accept-Encoding: gzip\r\n").body, "generation 1"); });
  ASSERT_TRUE(eventually([&] { return origin.count("GET /a") == 1; }));
  (void)ask(at, "POST", "/a", "", "a.test", "x");
  generation = 2;
  std::thread fresh([&] { EXPECT_EQ(ask(at, "GET", "/a", "Accept-Encoding: gzip\r\n").body, "generation 2"); });
  ASSERT_TRUE(eventually([&] { return origin.count("GET /a") == 2; }));
  may_finish = true;
  old.join();
  fresh.join();
  EXPECT_EQ(ask(at, "GET", "/a", "Accept-Encoding: gzip\r\n").body, "generation 2");
}

}  // namespace
}  // namespace yz::edge::testing
