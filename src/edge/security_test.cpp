#include <thread>

#include "edge/raw_origin.h"
#include "edge/testing.h"

namespace yz::edge::testing {
namespace {

using net::Exchange;

/// Sends bytes and reads until the edge closes.
std::string send_raw(const Endpoint& server, std::string bytes) {
  io::Reactor reactor;
  return reactor.block_on(net::testing::exchange_text(server, std::move(bytes)));
}

int status_of(const std::string& reply) { return reply.size() < 12 ? 0 : std::atoi(reply.substr(9, 3).c_str()); }

/// An origin that answers everything and notes each request that it received whole.
class WatchfulOrigin {
 public:
  WatchfulOrigin()
      : origin_([this](Exchange& exchange) -> io::Task<void> {
          const std::string line =
              std::string(exchange.request().method_text) + " " + std::string(exchange.request().target);
          const auto body = co_await exchange.read_body_all(1 << 20);
          if (!body) co_return;
          note(line + " " + *body);
          http::HeaderMap headers{{"Cache-Control", "max-age=60"}};
          (void)co_await exchange.respond(200, std::move(headers), "fine");
        }) {}

  [[nodiscard]] const Endpoint& endpoint() const { return origin_.endpoint(); }
  [[nodiscard]] std::vector<std::string> whole() {
    const std::lock_guard lock(mutex_);
    return whole_;
  }
  [[nodiscard]] FakeOrigin& origin() { return origin_; }

 private:
  void note(std::string line) {
    const std::lock_guard lock(mutex_);
    whole_.push_back(std::move(line));
  }
  std::mutex mutex_;
  std::vector<std::string> whole_;
  FakeOrigin origin_;
};

struct Vector {
  const char* name;
  std::string bytes;
  int status;
};

std::string head(std::string_view lines) {
  return "POST /a HTTP/1.1\r\nHost: a.test\r\n" + std::string(lines) + "\r\n";
}
std::string chunked(std::string_view body) { return head("Transfer-Encoding: chunked\r\n") + std::string(body); }

/// Each is refused with its status, the connection ends, and the origin sees nothing of it.
void expect_refused(const std::vector<Vector>& vectors) {
  WatchfulOrigin origin;
  const auto edge = start_edge(origin.endpoint());
  // Whoever takes the rest for a request of its own lets this one through.
  const std::string second = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
  for (const Vector& vector : vectors) {
    const std::string reply = send_raw(edge->listening()[0], vector.bytes + second);
    EXPECT_EQ(status_of(reply), vector.status) << vector.name << "\n" << reply;
    EXPECT_EQ(net::testing::count_of(reply, "Connection: close\r\n"), 1U) << vector.name << "\n" << reply;
  }
  EXPECT_TRUE(origin.whole().empty()) << origin.whole().front();
  EXPECT_EQ(edge->store().stats().objects, 0U);
}

TEST(Security, RequestsThatTwoParsersMayReadInTwoWaysAreRefused) {
  expect_refused({
      {"length and coding", head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {"coding and length", head("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + "0\r\n\r\n", 400},
      {"coding twice", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"coding twice, one unknown", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), 400},
      {"not ending in chunked", head("Transfer-Encoding: chunked, identity\r\n"), 400},
      {"a list that begins empty", head("Transfer-Encoding: , chunked\r\n"), 400},
      {"a list that ends in chunked", head("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"unknown coding", head("Transfer-Encoding: xchunked\r\n"), 501},
      {"quoted coding", head("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"coding with a parameter", head("Transfer-Encoding: chunked;x=1\r\n"), 400},
      {"coding of HTTP/1.0", "POST /a HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"space before the colon", head("Transfer-Encoding : chunked\r\n"), 400},
      {"space before the colon of a length", head("Content-Length : 4\r\n"), 400},
      {"two equal lengths", head("Content-Length: 4\r\nContent-Length: 4\r\n"), 400},
      {"two lengths", head("Content-Length: 4\r\nContent-Length: 5\r\n"), 400},
      {"a list of lengths", head("Content-Length: 4, 4\r\n"), 400},
      {"an empty length", head("Content-Length:\r\n"), 400},
      {"a signed length", head("Content-Length: +4\r\n"), 400},
      {"a negative length", head("Content-Length: -1\r\n"), 400},
      {"a hexadecimal length", head("Content-Length: 0x4\r\n"), 400},
      {"a length with an underscore", head("Content-Length: 1_0\r\n"), 400},
      {"a length with a leading zero", head("Content-Length: 04\r\n"), 400},
      {"a length in two words", head("Content-Length: 4 4\r\n"), 400},
      {"a length of 20 digits", head("Content-Length: 99999999999999999999\r\n"), 400},
      {"another expectation", head("Expect: 200-ok\r\nContent-Length: 0\r\n"), 417},
  });
}

TEST(Security, MalformedLinesAreRefused) {
  using namespace std::string_literals;
  expect_refused({
      {"folded field", head("X: a\r\n b\r\n"), 400},
      {"folded first field", "GET /a HTTP/1.1\r\n Host: a.test\r\n\r\n", 400},
      {"bare line feed", "GET /a HTTP/1.1\nHost: a.test\n\n", 400},
      {"bare line feed in the fields", "GET /a HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n", 400},
      {"bare carriage return", head("X: a\rb\r\n"), 400},
      {"carriage return before the name", head("\rX: a\r\n"), 400},
      {"NUL in a value", head("X: a\0b\r\n"s), 400},
      {"NUL in a name", head("X\0: a\r\n"s), 400},
      {"control in a value", head("X: a\x01\r\n"), 400},
      {"DEL in a value", head("X: a\x7f\r\n"), 400},
      {"eight bits in a value", head("X: \xc3\xa4\r\n"), 400},
      {"eight bits in a name", head("X\xc3\xa4: a\r\n"), 400},
      {"no name", head(": a\r\n"), 400},
      {"no colon", head("Xa\r\n"), 400},
      {"space in a name", head("X a: b\r\n"), 400},
      {"no host", "GET /a HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /a HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n", 400},
      {"two different hosts", "GET /a HTTP/1.1\r\nHost: a.test\r\nhost: b.test\r\n\r\n", 400},
      {"user in the host", "GET /a HTTP/1.1\r\nHost: u@a.test\r\n\r\n", 400},
      {"path in the host", "GET /a HTTP/1.1\r\nHost: a.test/x\r\n\r\n", 400},
      {"space in the host", "GET /a HTTP/1.1\r\nHost: a.test b\r\n\r\n", 400},
      {"list of hosts", "GET /a HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n", 400},
      {"NUL in the host", "GET /a HTTP/1.1\r\nHost: a\0.test\r\n\r\n"s, 400},
      {"port that is no number", "GET /a HTTP/1.1\r\nHost: a.test:x\r\n\r\n", 400},
      {"target of another host", "GET http://b.test/a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"target of another port", "GET http://a.test:81/a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"user in the target", "GET http://u@a.test/a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"another scheme", "GET file:///a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"relative target", "GET a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"tab for a space", "GET\t/a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"two spaces", "GET  /a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"eight bits in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"HTTP/0.9", "GET /a\r\n", 400},
      {"HTTP/2 in the line", "GET /a HTTP/2.0\r\nHost: a.test\r\n\r\n", 505},
      {"lower-case version", "GET /a http/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"version with a tail", "GET /a HTTP/1.1x\r\nHost: a.test\r\n\r\n", 400},
      {"version of two digits", "GET /a HTTP/1.10\r\nHost: a.test\r\n\r\n", 400},
      {"method with a bracket", "G[T /a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"no method", " /a HTTP/1.1\r\nHost: a.test\r\n\r\n", 400},
      {"a long target", "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: a.test\r\n\r\n", 414},
      {"a long field", head("X: " + std::string(17'000, 'a') + "\r\n"), 431},
      {"a large head", head([] {
         std::string lines;
         for (int i = 0; i < 10; ++i) lines += "X" + std::to_string(i) + ": " + std::string(8'000, 'a') + "\r\n";
         return lines;
       }()),
       431},
      {"many fields", head([] {
         std::string lines;
         for (int i = 0; i < 200; ++i) lines += "X" + std::to_string(i) + ": a\r\n";
         return lines;
       }()),
       431},
  });
}

TEST(Security, MalformedChunksNeverMakeARequest) {
  expect_refused({
      {"size with an underscore", chunked("0_2e\r\nab\r\n0\r\n\r\n"), 400},
      {"hexadecimal prefix", chunked("0x2\r\nab\r\n0\r\n\r\n"), 400},
      {"signed size", chunked("+2\r\nab\r\n0\r\n\r\n"), 400},
      {"space before the size", chunked(" 2\r\nab\r\n0\r\n\r\n"), 400},
      {"space behind the size", chunked("2 \r\nab\r\n0\r\n\r\n"), 400},
      {"no size", chunked("\r\nab\r\n0\r\n\r\n"), 400},
      {"a size that overflows", chunked("10000000000000002\r\nab\r\n0\r\n\r\n"), 400},
      {"a negative size of 64 bits", chunked("ffffffffffffffff\r\nab\r\n0\r\n\r\n"), 400},
      {"bare line feed behind the size", chunked("2\nab\r\n0\r\n\r\n"), 400},
      {"bare line feed behind the data", chunked("2\r\nab\n0\r\n\r\n"), 400},
      {"more data than the size says", chunked("2\r\nabc\r\n0\r\n\r\n"), 400},
      {"carriage return in an extension", chunked("2;a\rb\r\nab\r\n0\r\n\r\n"), 400},
      {"line feed in an extension", chunked("2;a\nb\r\nab\r\n0\r\n\r\n"), 400},
      {"an extension of 300 bytes", chunked("2;" + std::string(300, 'a') + "\r\nab\r\n0\r\n\r\n"), 400},
      {"a trailer that is none", chunked("0\r\nno colon\r\n\r\n"), 400},
      {"a folded trailer", chunked("0\r\nX: a\r\n b\r\n\r\n"), 400},
      {"endless trailers", chunked("0\r\n" + std::string(9'000, 'x') + ": y\r\n\r\n"), 400},
      {"bare line feed at the end", chunked("0\r\n\nGET /b HTTP/1.1\r\n"), 400},
  });
}

TEST(Security, ABodyThatNobodyAskedForIsNotTheNextRequest) {
  WatchfulOrigin origin;
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
  // A GET with a body goes past the cache, and its body goes with it.
  const std::string outer = "GET /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: " + std::to_string(inner.size()) +
                            "\r\n\r\n" + inner + "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
  const std::string reply = send_raw(at, outer);
  EXPECT_EQ(net::testing::count_of(reply, "HTTP/1.1 200 OK"), 2U) << reply;
  for (const std::string& line : origin.whole()) EXPECT_NE(line.substr(0, 13), "GET /smuggled") << line;
  EXPECT_EQ(origin.origin().count("GET /smuggled"), 0);
}

TEST(Security, ChunkExtensionsAndTrailersStayHere) {
  RawOrigin origin("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto edge = start_edge(origin.endpoint());
  (void)send_raw(edge->listening()[0],
                 head("Connection: close\r\nTransfer-Encoding: chunked\r\n") + "2;ext=1\r\nab\r\n0\r\nEvil: 1\r\n\r\n");
  ASSERT_EQ(origin.requests().size(), 1U);
  EXPECT_EQ(origin.requests()[0].find("ext"), std::string::npos);
  EXPECT_EQ(origin.requests()[0].find("Evil"), std::string::npos);
}

TEST(Security, WhatIsForOneHopOrUnkeyedStaysHere) {
  RawOrigin origin("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto edge = start_edge(origin.endpoint());
  const std::string fields =
      "Connection: close, X-Hop, Authorization, Cookie, Host, Cache-Control\r\nX-Hop: 1\r\nKeep-Alive: 1\r\n"
      "Authorization: kept\r\nCookie: kept\r\nCache-Control: x=kept\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nTE: trailers\r\nProxy-Connection: x\r\n"
      "X-Forwarded-Host: evil.test\r\nForwarded: host=evil.test\r\nX-Original-URL: /evil\r\nX-Rewrite-URL: /evil\r\n"
      "X-HTTP-Method-Override: DELETE\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Scheme: https\r\nX-Host: evil.test\r\nYz-Peer: forged\r\nYz-Born-Seq: 999\r\n";
  (void)send_raw(edge->listening()[0], "GET /a HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
  ASSERT_EQ(origin.requests().size(), 1U);
  const std::string seen = origin.requests()[0];
  for (const char* gone : {"X-Hop", "Keep-Alive", "Upgrade", "TE:", "Proxy-Connection", "evil", "DELETE", "6.6.6.6",
                           "X-Forwarded-Proto: https", "forged", "999"}) {
    EXPECT_EQ(seen.find(gone), std::string::npos) << gone << "\n" << seen;
  }
  // Connection may not take these away from the origin.
  for (const char* kept : {"Authorization: kept", "Cookie: kept", "Cache-Control: x=kept", "Host: a.test",
                           "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http\r\n"}) {
    EXPECT_NE(seen.find(kept), std::string::npos) << kept << "\n" << seen;
  }
}

TEST(Security, AnOriginThatBreaksTheRulesIsABadGatewayAndNeverCached) {
  using namespace std::string_literals;
  std::string interims;
  for (int i = 0; i < 20; ++i) interims += "HTTP/1.1 102 Processing\r\n\r\n";
  const std::string fresh = "Cache-Control: max-age=60\r\n";
  const std::vector<Vector> vectors = {
      {"two lengths", "HTTP/1.1 200 OK\r\n" + fresh + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 502},
      {"a list of lengths", "HTTP/1.1 200 OK\r\n" + fresh + "Content-Length: 2, 2\r\n\r\nab", 502},
      {"a signed length", "HTTP/1.1 200 OK\r\n" + fresh + "Content-Length: +2\r\n\r\nab", 502},
      {"an empty length", "HTTP/1.1 200 OK\r\n" + fresh + "Content-Length: \r\n\r\nab", 502},
      {"folded field", "HTTP/1.1 200 OK\r\n" + fresh + "X: a\r\n b\r\nContent-Length: 2\r\n\r\nab", 502},
      {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nab", 502},
      {"NUL in a value", "HTTP/1.1 200 OK\r\n"s + fresh + "X: a\0b\r\nContent-Length: 2\r\n\r\nab"s, 502},
      {"space before the colon", "HTTP/1.1 200 OK\r\n" + fresh + "Content-Length : 2\r\n\r\nab", 502},
      {"no space before the status", "HTTP/1.1200 OK\r\n\r\n", 502},
      {"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", 502},
      {"a status of letters", "HTTP/1.1 2x0 OK\r\n\r\n", 502},
      {"HTTP/0.9", "hello", 502},
      {"another protocol", "SSH-2.0-x\r\n", 502},
      {"interim responses without end", interims + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 502},
      {"nothing", "", 502},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", 502},
      {"a switch of protocols nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502},
  };
  for (const Vector& vector : vectors) {
    RawOrigin origin(vector.bytes);
    const auto edge = start_edge(origin.endpoint());
    const std::string reply =
        send_raw(edge->listening()[0], "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    const auto last = reply.rfind("HTTP/1.1 ");
    EXPECT_EQ(status_of(last == std::string::npos ? reply : reply.substr(last)), vector.status) << vector.name << "\n"
                                                                                                << reply;
    EXPECT_EQ(edge->store().stats().objects, 0U) << vector.name;
  }
}

TEST(Security, ABodyThatIsNotWholeIsNotStoredAndDoesNotEndCleanly) {
  const std::string fresh = "Cache-Control: max-age=60\r\n";
  for (const std::string& answer : {"HTTP/1.1 200 OK\r\n" + fresh + "Content-Length: 10\r\n\r\nabc",
                                    "HTTP/1.1 200 OK\r\n" + fresh + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                                    "HTTP/1.1 200 OK\r\n" + fresh + "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"}) {
    RawOrigin origin(answer);
    const auto edge = start_edge(origin.endpoint());
    const std::string reply =
        send_raw(edge->listening()[0], "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(reply.find("0\r\n\r\n", reply.find("\r\n\r\n") + 4), std::string::npos) << reply;
    EXPECT_EQ(edge->store().stats().objects, 0U) << answer;
  }
}

TEST(Security, PathsThatServersReadInDifferentWaysAreNotCached) {
  WatchfulOrigin origin;
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  for (const char* path : {"/account%2fx.css", "/account%2Fx.css", "/account%5cx.css", "/account%3bx.css",
                           "/account%23x.css", "/account%3fx.css", "/account%00x.css", "/account%0d%0ax.css",
                           "/account%252fx.css", "/static/../account/x.css", "/static/%2e%2e/account/x.css",
                           "/static/.%2e/account/x.css", "/./account/x.css", "/account\\x.css", "/account%2"}) {
    EXPECT_EQ(ask(at, "GET", path).status, 200) << path;
    EXPECT_FALSE(ask(at, "GET", path).is_hit()) << path;
  }
  EXPECT_EQ(edge->store().stats().objects, 0U);
  // The bytes the rules saw are the bytes the origin sees.
  EXPECT_EQ(origin.whole().front(), "GET /account%2fx.css ");
}

TEST(Security, ErrorsOfOurOwnAreNotStored) {
  WatchfulOrigin origin;
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  EXPECT_EQ(ask(at, "GET", "/a", "X: " + std::string(17'000, 'x') + "\r\n").status, 431);
  EXPECT_EQ(ask(at, "GET", "/a", "Cache-Control: only-if-cached\r\n").status, 504);
  EXPECT_EQ(ask(at, "TRACE", "/a").status, 405);
  EXPECT_EQ(ask(at, "CONNECT", "a.test:80").status, 405);
  EXPECT_EQ(ask(at, "GET", "/a").body, "fine");
}

TEST(Security, AFloodOfRangesIsNoAmplifier) {
  const std::string body(100'000, 'x');
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}};
    (void)co_await exchange.respond(200, std::move(headers), body);
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  (void)ask(at, "GET", "/a");
  std::string overlapping = "bytes=0-";
  std::string tiny = "bytes=0-0";
  for (int i = 1; i < 1'000; ++i) {
    overlapping += ",0-";
    tiny += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  }
  for (const std::string& ranges :
       {overlapping, tiny, std::string("bytes=0-,0-,0-,0-,0-"), std::string("bytes=-1,-2,-3,1-")}) {
    const Reply reply = ask(at, "GET", "/a", "Range: " + ranges + "\r\n");
    EXPECT_LE(reply.body.size(), body.size() + 4'096) << ranges.substr(0, 40);
  }
  EXPECT_EQ(origin.count("GET /a"), 1);
}

TEST(Security, RatesThatSlowClientsMustKeepAreSettings) {
  const auto read = [](std::vector<const char*> flags) {
    std::vector<const char*> argv = {"yz-edge", "--listen", "127.0.0.1:0", "--origin", "http://127.0.0.1:1"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return read_options(static_cast<int>(argv.size()), argv.data());
  };
  EXPECT_EQ(read({})->body_min_rate, ByteCount{240});
  EXPECT_EQ(read({})->send_min_rate, kib(1));
  const auto given = read({"--body-min-rate", "0", "--send-min-rate", "8KiB"});
  EXPECT_EQ(given->body_min_rate, ByteCount{0});
  EXPECT_EQ(given->send_min_rate, kib(8));
  EXPECT_NE(read({"--send-min-rate", "2MiB"}).error().message.find("up to 1MiB"), std::string::npos);
}

TEST(Security, CredentialsAreNotSharedByWhoWaits) {
  std::atomic<int> arrived{0};
  FakeOrigin origin([&](Exchange& exchange) -> io::Task<void> {
    ++arrived;
    while (arrived < 2) co_await io::sleep_for(std::chrono::milliseconds(1));  // both ask at once
    const std::string who(exchange.request().fields.value(http::FieldId::kAuthorization).value_or("nobody"));
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}};
    (void)co_await exchange.respond(200, std::move(headers), "for " + who);
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  std::thread first([&] { EXPECT_EQ(ask(at, "GET", "/a", "Authorization: alice\r\n").body, "for alice"); });
  std::thread second([&] {
    EXPECT_TRUE(eventually([&] { return arrived > 0; }));
    EXPECT_EQ(ask(at, "GET", "/a", "Authorization: bob\r\n").body, "for bob");
  });
  first.join();
  second.join();
  EXPECT_EQ(edge->store().stats().objects, 0U);
}

}  // namespace
}  // namespace yz::edge::testing
