#include "net/http_server.h"

#include <fcntl.h>

#include "base/file.h"
#include "io/reactor_thread.h"
#include "net/test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::body_of;
using testing::count_of;
using testing::exchange_text;
using testing::FunctionHandler;
using testing::kAnyLoopback;

/// Echoes method, path and body; a few paths do special things.
io::Task<void> answer(Exchange& exchange) {
  const auto& request = exchange.request();
  if (request.path == "/silent") co_return;
  if (request.path == "/abort") {
    exchange.begin(200, {}, {100});
    (void)co_await exchange.send("part");
    co_return exchange.abort();
  }
  if (request.path == "/short") {
    exchange.begin(200, {}, {100});
    (void)co_await exchange.send("part");
    (void)co_await exchange.finish();
    co_return;
  }
  if (request.path == "/stream" || request.path == "/known") {
    exchange.begin(200, {{"Content-Type", "text/plain"}},
                   {request.path == "/known" ? std::optional<std::uint64_t>(11) : std::nullopt});
    (void)co_await exchange.send("hello ");
    (void)co_await exchange.flush();
    (void)co_await exchange.send("world");
    (void)co_await exchange.finish();
    co_return;
  }
  if (request.path == "/unread") {
    (void)co_await exchange.respond_text(200, "text/plain", "done");
    co_return;
  }
  if (request.path == "/raw") {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n";
    std::string age = "Age: 1\r\n";
    const std::array<iovec, 2> heads{iovec{head.data(), head.size()}, iovec{age.data(), age.size()}};
    std::string body = "foobar";
    const std::array<iovec, 2> bodies{iovec{body.data(), 3}, iovec{body.data() + 3, 3}};
    (void)co_await exchange.respond_raw(200, heads, bodies);
    co_return;
  }
  if (request.path == "/slow") co_await io::sleep_for(50ms);
  const auto body = co_await exchange.read_body_all(1 << 20);
  if (!body) {
    (void)co_await exchange.respond_text(body.error().code == Code::kLimit ? 413 : 400, "text/plain",
                                         body.error().message);
    co_return;
  }
  (void)co_await exchange.respond_text(
      200, "text/plain", std::string(request.method_text) + " " + std::string(request.path) + " " + *body);
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() : HttpServerTest(HttpServerOptions{}) {}
  explicit HttpServerTest(HttpServerOptions options)
      : server_(reactor_, handler_, options), at_(server_.listen(kAnyLoopback).value()) {}

  std::string ask(std::string request) { return reactor_.block_on(exchange_text(at_, std::move(request))); }

  io::Reactor reactor_;
  FunctionHandler handler_{answer};
  HttpServer server_;
  Endpoint at_;
};

TEST_F(HttpServerTest, AnswersAndCloses) {
  const std::string got = ask("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(got.substr(0, 17), "HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(count_of(got, "Date: "), 1U);
  EXPECT_EQ(count_of(got, "Connection: close\r\n"), 1U);
  EXPECT_EQ(count_of(got, "Content-Length: 7\r\n"), 1U);
  EXPECT_EQ(body_of(got), "GET /a ");
  EXPECT_EQ(server_.counts().requests, 1U);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  requests += "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  requests += "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n";
  requests += "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string got = ask(requests);
  std::size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = got.find("GET /" + std::to_string(i) + " ", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  const std::size_t slow = got.find("POST /slow abc", at);
  const std::size_t chunked = got.find("POST /c wxyz", slow);
  EXPECT_NE(got.find("GET /last ", chunked), std::string::npos);
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK\r\n"), 203U);
}

TEST_F(HttpServerTest, AcceptsAHeadByteByByte) {
  const std::string got = reactor_.block_on([](Endpoint at) -> io::Task<std::string> {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    const std::string request = "GET /drip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (const char& c : request) {
      EXPECT_TRUE(co_await stream->write_all(std::string_view(&c, 1), 1s));
      co_await io::yield();
    }
    co_return co_await testing::read_up_to(*stream, SIZE_MAX);
  }(at_));
  EXPECT_EQ(body_of(got), "GET /drip ");
}

TEST_F(HttpServerTest, TakesHeadsUpToTheLimitAndRefusesMore) {
  std::string head = "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  for (int i = 0; i < 5; ++i) head += "X-" + std::to_string(i) + ": " + std::string(12'000, 'v') + "\r\n";
  EXPECT_EQ(body_of(ask(head + "\r\n")), "GET /big ");
  const std::string with_body = head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  EXPECT_EQ(body_of(ask(with_body)), "GET /big hello");
  head += "X-more: " + std::string(12'000, 'v') + "\r\n\r\n";
  EXPECT_EQ(ask(head).substr(0, 12), "HTTP/1.1 431");
}

TEST_F(HttpServerTest, RefusesWhatTheParserRefusesAndCloses) {
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n").substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(ask("GET / HTTP/1.1\nHost: x\n\n").substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n").substr(0, 12),
            "HTTP/1.1 400");
  const std::string two = ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\nBAD\r\n\r\n");
  EXPECT_EQ(count_of(two, "HTTP/1.1 200"), 1U);
  EXPECT_EQ(count_of(two, "HTTP/1.1 400"), 1U);
  EXPECT_EQ(server_.counts().bad_requests, 4U);
}

TEST_F(HttpServerTest, ServesHttp10AndItsKeepAlive) {
  EXPECT_EQ(body_of(ask("GET /old HTTP/1.0\r\n\r\n")), "GET /old ");
  const std::string got = ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(count_of(got, "Connection: keep-alive\r\n"), 1U);
  EXPECT_EQ(count_of(got, "Transfer-Encoding"), 0U);
  EXPECT_EQ(got.substr(got.size() - 15), "\r\n\r\nhello world");
}

TEST_F(HttpServerTest, StreamsChunkedOrWithLength) {
  const std::string chunked = ask("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(count_of(chunked, "Transfer-Encoding: chunked\r\n"), 1U);
  EXPECT_EQ(body_of(chunked), "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
  const std::string known = ask("GET /known HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(count_of(known, "Content-Length: 11\r\n"), 1U);
  EXPECT_EQ(body_of(known), "hello world");
}

TEST_F(HttpServerTest, HeadHasTheSameHeadAndNoBody) {
  for (const char* path : {"/raw", "/known", "/x", "/stream"}) {
    const std::string got =
        ask(std::string("HEAD ") + path +
            " HTTP/1.1\r\nHost: x\r\n\r\nGET /raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK\r\n"), 2U) << path;
    EXPECT_EQ(body_of(got).substr(0, 8), "HTTP/1.1") << path;
    EXPECT_EQ(got.substr(got.size() - 6), "foobar") << path;
  }
}

TEST_F(HttpServerTest, RawResponsesGetTheConnectionLineTheyNeed) {
  EXPECT_EQ(ask("GET /raw HTTP/1.1\r\nHost: x\r\n\r\nGET /raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nAge: 1\r\n\r\nfoobar"
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nAge: 1\r\nConnection: close\r\n\r\nfoobar");
}

TEST_F(HttpServerTest, AnUnreadBodyIsSkippedOrTheConnectionCloses) {
  const std::string next = "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const auto post = [&](std::size_t size) {
    return "POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'b') + next;
  };
  EXPECT_EQ(count_of(ask(post(30'000)), "HTTP/1.1 200"), 2U);
  EXPECT_EQ(count_of(ask(post(100'000)), "HTTP/1.1 200"), 1U);
  const std::string chunked =
      "POST /unread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  EXPECT_EQ(count_of(ask(chunked + next), "HTTP/1.1 200"), 2U);
  const std::string broken =
      "POST /unread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n";
  EXPECT_EQ(count_of(ask(broken + next), "HTTP/1.1 200"), 1U);
}

TEST_F(HttpServerTest, ReadsLargeBodiesOfBothFramings) {
  const std::string body(700'000, 'z');
  const std::string close = "Host: x\r\nConnection: close\r\n";
  EXPECT_EQ(body_of(ask("PUT /l HTTP/1.1\r\n" + close + "Content-Length: 700000\r\n\r\n" + body)), "PUT /l " + body);
  std::string chunked = "PUT /l HTTP/1.1\r\n" + close + "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 7000) chunked += "1B58\r\n" + body.substr(at, 7000) + "\r\n";
  EXPECT_EQ(body_of(ask(chunked + "0\r\n\r\n")), "PUT /l " + body);
  const std::string too_large(1'100'000, 'z');
  EXPECT_EQ(ask("PUT /l HTTP/1.1\r\nHost: x\r\nContent-Length: 1100000\r\n\r\n" + too_large).substr(0, 12),
            "HTTP/1.1 413");
}

TEST_F(HttpServerTest, SendsContinueOnlyWhenTheBodyIsWanted) {
  const auto talk = [](Endpoint at, std::string path) -> io::Task<std::string> {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    const std::string head =
        "POST " + path +
        " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
    EXPECT_TRUE(co_await stream->write_all(head, 1s));
    std::string got = co_await testing::read_up_to(*stream, 12);
    if (got.starts_with("HTTP/1.1 100")) {
      EXPECT_TRUE(co_await stream->write_all("data", 1s));
    }
    co_return got + co_await testing::read_up_to(*stream, SIZE_MAX);
  };
  const std::string wanted = reactor_.block_on(talk(at_, "/e"));
  EXPECT_EQ(wanted.substr(0, 25), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_NE(wanted.find("POST /e data"), std::string::npos);
  EXPECT_EQ(reactor_.block_on(talk(at_, "/unread")).substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(ask("POST /e HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 4\r\n\r\n").substr(0, 12),
            "HTTP/1.1 417");
}

TEST_F(HttpServerTest, WhatAHandlerLeavesUndoneIsMadeGood) {
  const std::string close = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(ask("GET /silent" + close).substr(0, 12), "HTTP/1.1 500");
  for (const char* path : {"/abort", "/short"}) {
    const std::string got = ask(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\nGET /next" + close);
    EXPECT_EQ(count_of(got, "GET /next"), 0U) << path;  // the connection was reset
  }
}

TEST_F(HttpServerTest, DrainingFinishesWhatIsInFlightAndClosesTheRest) {
  std::string slow;
  bool idle_closed = false;
  reactor_.spawn([](Endpoint at, bool& closed) -> io::Task<void> {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    (void)co_await stream->write_all("GET /raw HTTP/1.1\r\nHost: x\r\n\r\n", 1s);
    (void)co_await testing::read_up_to(*stream, SIZE_MAX);
    closed = true;
  }(at_, idle_closed));
  reactor_.spawn([](Endpoint at, std::string& out) -> io::Task<void> {
    out = co_await exchange_text(at, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  }(at_, slow));
  reactor_.block_on([](HttpServer& server) -> io::Task<void> {
    while (server.counts().requests < 2) co_await io::sleep_for(1ms);
    co_await server.drain(io::Reactor::current().in(5s));
  }(server_));
  EXPECT_EQ(server_.counts().connections, 0U);
  reactor_.block_on([]() -> io::Task<void> { co_await io::sleep_for(5ms); }());
  EXPECT_TRUE(idle_closed);
  EXPECT_EQ(body_of(slow), "GET /slow ");
  EXPECT_EQ(count_of(slow, "Connection: close\r\n"), 1U);
  EXPECT_FALSE(reactor_.block_on(io::connect(at_, reactor_.in(1s))));
}

TEST_F(HttpServerTest, DrainingCutsWhatOutlivesTheDeadline) {
  reactor_.spawn([](Endpoint at) -> io::Task<void> {
    (void)co_await exchange_text(at, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  }(at_));
  reactor_.block_on([](HttpServer& server) -> io::Task<void> {
    while (server.counts().busy == 0) co_await io::sleep_for(1ms);
    co_await server.drain(io::Reactor::current().in(2ms));
  }(server_));
  EXPECT_EQ(server_.counts().connections, 0U);
  EXPECT_EQ(server_.counts().busy, 0U);
}

TEST_F(HttpServerTest, ServesAUnixSocketAndTellsBytesOnTheWire) {
  const TempFolder folder;
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  FunctionHandler handler([&](Exchange& exchange) -> io::Task<void> {
    EXPECT_EQ(exchange.peer(), Endpoint{});
    (void)co_await exchange.read_body_all(100);
    (void)co_await exchange.respond_text(200, "text/plain", "ok");
    in = exchange.bytes_in();
    out = exchange.bytes_out();
  });
  HttpServer server(reactor_, handler);
  ASSERT_TRUE(server.listen_unix(folder.path() / "s"));
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n";
  const std::string got = reactor_.block_on([](std::string path, std::string text) -> io::Task<std::string> {
    auto stream = co_await io::connect_unix(path, io::Reactor::current().in(5s));
    (void)co_await stream->write_all(text, 1s);
    co_return co_await testing::read_up_to(*stream, SIZE_MAX);
  }(folder.path() / "s", request));
  EXPECT_EQ(body_of(got), "ok");
  EXPECT_EQ(in, request.size());
  EXPECT_EQ(out, got.size());
}

TEST_F(HttpServerTest, SendsFilesPlainAndChunked) {
  const TempFolder folder;
  const std::string text(300'000, 'f');
  ASSERT_TRUE(write_file_atomically(folder.path() / "f", text));
  const UniqueFd file(::open((folder.path() / "f").c_str(), O_RDONLY));
  FunctionHandler handler([&](Exchange& exchange) -> io::Task<void> {
    const bool known = exchange.request().path == "/known";
    exchange.begin(200, {}, {known ? std::optional<std::uint64_t>(300'000) : std::nullopt});
    (void)co_await exchange.send_file(file.get(), 0, 200'000);
    (void)co_await exchange.send_file(file.get(), 200'000, 100'000);
    (void)co_await exchange.finish();
  });
  HttpServer server(reactor_, handler);
  at_ = *server.listen(kAnyLoopback);
  EXPECT_EQ(body_of(ask("GET /known HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), text);
  EXPECT_EQ(body_of(ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
            "30d40\r\n" + text.substr(0, 200'000) + "\r\n186a0\r\n" + text.substr(0, 100'000) + "\r\n0\r\n\r\n");
}

TEST_F(HttpServerTest, ATunnelCarriesWhatFollowsTheUpgrade) {
  FunctionHandler handler([](Exchange& exchange) -> io::Task<void> {
    static const std::string kHead = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n";
    const iovec head{const_cast<char*>(kHead.data()), kHead.size()};
    exchange.begin_raw(101, {&head, 1}, {0});
    (void)co_await exchange.flush();
    auto tunnel = exchange.tunnel();
    const std::string early(tunnel.early);
    (void)co_await tunnel.stream.write_all("early:" + early, 1s);
    const std::string late = co_await testing::read_up_to(tunnel.stream, 4);
    (void)co_await tunnel.stream.write_all(" late:" + late, 1s);
  });
  HttpServer server(reactor_, handler);
  const std::string got = reactor_.block_on([](Endpoint at) -> io::Task<std::string> {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    (void)co_await stream->write_all("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nabc",
                                     1s);
    std::string first = co_await testing::read_up_to(*stream, 81);
    (void)co_await stream->write_all("defg", 1s);
    co_return first + co_await testing::read_up_to(*stream, SIZE_MAX);
  }(*server.listen(kAnyLoopback)));
  EXPECT_EQ(body_of(got), "early:abc late:defg");
}

class ImpatientServerTest : public HttpServerTest {
 protected:
  static HttpServerOptions impatient() {
    HttpServerOptions options;
    options.head_timeout = 30ms;
    options.idle_timeout = 30ms;
    options.write_stall = 50ms;
    options.body_grace = 30ms;
    options.max_connections = 3;
    return options;
  }
  ImpatientServerTest() : HttpServerTest(impatient()) {}
};

TEST_F(ImpatientServerTest, EndsSlowAndIdleClients) {
  EXPECT_EQ(ask(""), "");
  EXPECT_EQ(ask("GET /a HTT").substr(0, 12), "HTTP/1.1 408");
  EXPECT_EQ(count_of(ask("GET /raw HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1"), 1U);
  EXPECT_EQ(ask("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").substr(0, 12), "HTTP/1.1 400");
  reactor_.block_on([](HttpServer& server) -> io::Task<void> {
    while (server.counts().connections > 0) co_await io::sleep_for(1ms);
  }(server_));
}

TEST_F(ImpatientServerTest, MakesRoomAtItsLimitByClosingAnIdleConnection) {
  reactor_.block_on([](HttpServer& server, Endpoint at) -> io::Task<void> {
    std::vector<io::TcpStream> idle;
    for (int i = 0; i < 3; ++i) {
      idle.push_back(*co_await io::connect(at, io::Reactor::current().in(5s)));
      (void)co_await idle.back().write_all("GET /raw HTTP/1.1\r\nHost: x\r\n\r\n", 1s);
      (void)co_await testing::read_up_to(idle.back(), 50);
    }
    EXPECT_EQ(server.counts().connections, 3U);
    EXPECT_EQ(body_of(co_await exchange_text(at, "GET /raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
              "foobar");
  }(server_, at_));
}

TEST(HttpServer, GivesUpClientsThatTakeAnAnswerByCrumbs) {
  io::Reactor reactor;
  const std::string body(64 << 20, 'x');
  std::optional<Status> outcome;
  FunctionHandler handler([&](Exchange& exchange) -> io::Task<void> {
    exchange.begin(200, {}, {body.size()});
    outcome = co_await exchange.send(body);
  });
  HttpServerOptions options;
  options.write_stall = 100ms;
  options.send_min_rate = 4ULL << 30;
  HttpServer server(reactor, handler, options);
  const Endpoint at = *server.listen(kAnyLoopback);
  reactor.block_on([](Endpoint to, const std::optional<Status>& given_up) -> io::Task<void> {
    auto stream = co_await io::connect(to, io::Reactor::current().in(5s));
    (void)co_await stream->write_all("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1s);
    std::vector<char> buffer(4 * 1024);
    while (!given_up) {
      const auto n = co_await stream->read(buffer, io::Reactor::current().in(5s));
      if (!n || *n == 0) break;
      co_await io::sleep_for(2ms);
    }
  }(at, outcome));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->error().code, Code::kTimeout);
}

TEST(HttpServer, DestroyingItWithRequestsInWorkLeaksNothing) {
  io::Reactor reactor;
  auto token = std::make_shared<int>(1);
  {
    FunctionHandler handler([token](Exchange&) -> io::Task<void> {
      const auto held = token;
      co_await io::sleep_for(1h);
    });
    HttpServer server(reactor, handler);
    const Endpoint at = *server.listen(kAnyLoopback);
    io::TaskScope clients;
    for (int i = 0; i < 3; ++i) {
      reactor.spawn_into(clients, [](Endpoint to) -> io::Task<void> {
        (void)co_await exchange_text(to, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      }(at));
    }
    reactor.block_on([](HttpServer& s) -> io::Task<void> {
      while (s.counts().busy < 3) co_await io::sleep_for(1ms);
    }(server));
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(HttpServer, WorkersShareAPort) {
  FunctionHandler handler(answer);
  io::ReactorThread a("a");
  io::ReactorThread b("b");
  std::unique_ptr<HttpServer> servers[2];
  Endpoint at;
  a.run_and_wait([&](io::Reactor& reactor) {
    servers[0] = std::make_unique<HttpServer>(reactor, handler);
    at = *servers[0]->listen(kAnyLoopback, {.reuse_port = true});
  });
  b.run_and_wait([&](io::Reactor& reactor) {
    servers[1] = std::make_unique<HttpServer>(reactor, handler);
    EXPECT_TRUE(servers[1]->listen(at, {.reuse_port = true}));
  });
  io::Reactor reactor;
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(body_of(reactor.block_on(exchange_text(at, "GET /w HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))),
              "GET /w ");
  }
  std::uint64_t requests = 0;
  a.run_and_wait([&](io::Reactor&) { requests += servers[0]->counts().requests, servers[0].reset(); });
  b.run_and_wait([&](io::Reactor&) { requests += servers[1]->counts().requests, servers[1].reset(); });
  EXPECT_EQ(requests, 64U);
}

}  // namespace
}  // namespace yz::net
