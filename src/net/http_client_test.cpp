#include "net/http_client.h"

#include <array>
#include <functional>

#include "base/file.h"
#include "net/fetch.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::kAnyLoopback;

/// A server that plays back fixed bytes: for each connection, for each request head received, the next script entry. An
/// empty entry closes without a word.
class ScriptedServer {
 public:
  ScriptedServer(io::Reactor& reactor, std::vector<std::vector<std::string>> connections)
      : scripts_(std::move(connections)), listener_(std::move(io::TcpListener::bind(reactor, kAnyLoopback)).value()) {
    reactor.spawn_into(scope_, run());
  }
  [[nodiscard]] Upstream upstream() const {
    Upstream out;
    out.endpoint = listener_.local();
    return out;
  }
  std::string received;

 private:
  io::Task<void> run() {
    for (const auto& script : scripts_) {
      auto stream = co_await listener_.accept(io::kNoDeadline);
      for (const std::string& answer : script) {
        std::array<char, 65536> buffer;
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
          const auto n = co_await stream->read(buffer, io::Reactor::current().in(10s));
          if (!n || *n == 0) break;
          head.append(buffer.data(), *n);
        }
        received += head;
        if (answer.empty()) break;
        (void)co_await stream->write_all(answer, 5s);
      }
    }
  }
  std::vector<std::vector<std::string>> scripts_;
  io::TcpListener listener_;
  io::TaskScope scope_;
};

class HttpClientTest : public ::testing::Test {
 protected:
  struct Outcome {
    Status status;
    http::StatusCode code = 0;
    std::string body;
    bool reused = false;
  };
  Outcome get(const Upstream& upstream, std::string method = "GET", ClientTimeouts timeouts = {}) {
    ClientRequest request;
    request.method = std::move(method);
    request.host = "origin.example";
    return reactor_.block_on(perform(client_, upstream, std::move(request), timeouts));
  }
  static io::Task<Outcome> perform(HttpClient& client, Upstream upstream, ClientRequest request,
                                   ClientTimeouts timeouts) {
    Outcome out;
    auto response = co_await client.send(std::move(upstream), std::move(request), timeouts);
    if (!response) {
      out.status = fail(response.error());
      co_return out;
    }
    out.code = response->status();
    out.reused = response->was_reused();
    auto body = co_await response->read_all(1 << 20);
    if (body)
      out.body = *body;
    else
      out.status = fail(body.error());
    co_return out;
  }
  io::Reactor reactor_;
  HttpClient client_{reactor_};
};

TEST_F(HttpClientTest, ReadsEveryFramingAndReusesWhereItMay) {
  ScriptedServer server(reactor_,
                        {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 "
                          "OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nX: y\r\n\r\n",
                          "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil close", ""}});
  EXPECT_EQ(get(server.upstream()).body, "hello");
  EXPECT_EQ(client_.idle_connections(), 1U);
  const auto second = get(server.upstream());
  EXPECT_EQ(second.body, "abcde");
  EXPECT_TRUE(second.reused);
  EXPECT_EQ(get(server.upstream()).code, 204);
  EXPECT_EQ(client_.counts().connects, 1U);
  EXPECT_EQ(server.received.substr(0, 40), "GET / HTTP/1.1\r\nHost: origin.example\r\n\r\n");
}

TEST_F(HttpClientTest, GivesWhatIsHereWithoutWaitingOrCopying) {
  ScriptedServer server(reactor_,
                        {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nbroken"}});
  const auto take = [](HttpClient& client, Upstream upstream) -> io::Task<std::string> {
    ClientRequest request;
    request.host = "origin.example";
    auto response = co_await client.ask(upstream, request, ClientTimeouts());
    if (!response) co_return response.error().message;
    std::array<iovec, 4> pieces;
    std::string out;
    const std::size_t count = response->take_received(pieces);
    for (const iovec& piece : std::span(pieces).first(count)) {
      out.append(static_cast<const char*>(piece.iov_base), piece.iov_len).append("|");
    }
    if (response->is_over()) co_return out + "over";
    const auto rest = co_await response->read_all(100);
    co_return out + (rest ? *rest : rest.error().message);
  };
  EXPECT_EQ(reactor_.block_on(take(client_, server.upstream())), "hello|over");
  EXPECT_EQ(client_.idle_connections(), 1U) << "it is free before what it brought is used";
  EXPECT_EQ(reactor_.block_on(take(client_, server.upstream())), "abc|de|over");
  EXPECT_EQ(reactor_.block_on(take(client_, server.upstream())), "abc|the origin's chunked body is malformed");
  EXPECT_EQ(client_.idle_connections(), 0U);
}

TEST_F(HttpClientTest, ABodyThatEndsWithItsConnectionIsRead) {
  ScriptedServer server(reactor_, {{"HTTP/1.1 200 OK\r\n\r\nuntil close", ""}});
  // The server closes when it has read a second head; our side never sends one, so it waits: let it see the end.
  Upstream upstream = server.upstream();
  const auto outcome = get(upstream, "GET", {3s, 3s, 50ms, 3s});
  EXPECT_EQ(outcome.status.error().code, Code::kTimeout);
  ScriptedServer closing(reactor_, {{"HTTP/1.1 200 OK\r\n\r\nuntil close"}});
  EXPECT_EQ(get(closing.upstream()).body, "until close");
  EXPECT_EQ(client_.idle_connections(), 0U);
}

TEST_F(HttpClientTest, RepeatsOnAFreshConnectionOnlyWhatIsSafeTo) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  ScriptedServer server(reactor_, {{ok, ""}, {ok, ""}, {ok}});
  EXPECT_EQ(get(server.upstream()).body, "ok");
  EXPECT_EQ(get(server.upstream()).body, "ok");  // the kept connection dies unanswered; a fresh one serves
  EXPECT_EQ(client_.counts().retries, 1U);
  const auto post = get(server.upstream(), "POST");
  EXPECT_EQ(post.status.error().code, Code::kUnavailable);
  EXPECT_EQ(post.status.error().fault, Fault::kOrigin);
  EXPECT_EQ(client_.counts().retries, 1U);
}

TEST_F(HttpClientTest, AConnectionThePeerClosedIsNotUsed) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  ScriptedServer server(reactor_, {{ok}, {ok}});
  EXPECT_EQ(get(server.upstream()).body, "ok");
  reactor_.block_on([]() -> io::Task<void> { co_await io::sleep_for(10ms); }());
  EXPECT_EQ(get(server.upstream(), "POST").body, "ok");
  EXPECT_EQ(client_.counts().reuses, 0U);
}

TEST_F(HttpClientTest, FailuresAreTheOrigins) {
  struct Case {
    std::string answer;
    Code code;
  };
  for (const Case& c : {Case{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", Code::kUnavailable},
                        Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Code::kUnavailable},
                        Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Code::kInvalid},
                        Case{"SSH-2.0-OpenSSH\r\n\r\n", Code::kInvalid}, Case{"HTTP/1.1 20", Code::kUnavailable}}) {
    ScriptedServer server(reactor_, {{c.answer}});
    const auto outcome = get(server.upstream());
    ASSERT_FALSE(outcome.status) << c.answer;
    EXPECT_EQ(outcome.status.error().code, c.code) << c.answer << outcome.status.error().message;
    EXPECT_EQ(outcome.status.error().fault, Fault::kOrigin);
  }
  ScriptedServer silent(reactor_, {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", ""}});
  EXPECT_EQ(get(silent.upstream(), "GET", {3s, 3s, 20ms, 3s}).status.error().code, Code::kTimeout);
  ScriptedServer mute(reactor_, {{"H", ""}});
  EXPECT_EQ(get(mute.upstream(), "GET", {3s, 20ms, 3s, 3s}).status.error().code, Code::kTimeout);
  Upstream dead;
  {
    dead.endpoint = io::TcpListener::bind(reactor_, kAnyLoopback)->local();
  }
  EXPECT_EQ(get(dead).status.error().code, Code::kUnavailable);
}

TEST_F(HttpClientTest, RefusesWhatWouldSplitItsHead) {
  ClientRequest request;
  request.host = "x";
  request.target = "/a b";
  EXPECT_EQ(reactor_.block_on(perform(client_, {}, request, {})).status.error().code, Code::kInvalid);
  request.target = "/";
  request.host = "x\r\nEvil: 1";
  EXPECT_EQ(reactor_.block_on(perform(client_, {}, request, {})).status.error().code, Code::kInvalid);
}

class StringSource final : public BodySource {
 public:
  StringSource(std::string text, bool tells_length) : text_(std::move(text)), tells_length_(tells_length) {}
  std::optional<std::uint64_t> length() const override {
    return tells_length_ ? std::optional<std::uint64_t>(text_.size()) : std::nullopt;
  }
  io::Task<Result<std::size_t>> read(std::span<char> into) override {
    co_await io::yield();
    const std::size_t n = std::min({into.size(), text_.size() - at_, std::size_t{5000}});
    text_.copy(into.data(), n, at_);
    at_ += n;
    co_return n;
  }

 private:
  std::string text_;
  bool tells_length_;
  std::size_t at_ = 0;
};

TEST_F(HttpClientTest, TalksToOurServerWithBodiesBothWays) {
  FunctionHandler handler([](Exchange& exchange) -> io::Task<void> {
    auto body = co_await exchange.read_body_all(1 << 22);
    exchange.begin(200, {}, {});
    const std::string text = std::move(body).value_or("failed");
    for (std::size_t at = 0; at < text.size(); at += 30'000) {
      (void)co_await exchange.send(std::string_view(text).substr(at, 30'000));
    }
    (void)co_await exchange.finish();
  });
  HttpServer server(reactor_, handler);
  Upstream upstream;
  upstream.endpoint = *server.listen(kAnyLoopback);
  for (const bool tells_length : {true, false}) {
    StringSource source(std::string(400'000, 's'), tells_length);
    ClientRequest request;
    request.method = "POST";
    request.host = "x";
    request.body_source = &source;
    EXPECT_EQ(reactor_.block_on(perform(client_, upstream, request, {})).body, std::string(400'000, 's'));
  }
  ClientRequest request;
  request.method = "PUT";
  request.host = "x";
  request.body = std::string(100'000, 'm');
  EXPECT_EQ(reactor_.block_on(perform(client_, upstream, request, {})).body, request.body);
  EXPECT_EQ(client_.counts().connects, 1U);
  EXPECT_EQ(server.counts().requests, 3U);
}

TEST_F(HttpClientTest, AnUnreadResponseClosesItsConnection) {
  FunctionHandler handler([](Exchange& exchange) -> io::Task<void> {
    (void)co_await exchange.respond_text(200, "text/plain", std::string(1 << 20, 'x'));
  });
  HttpServer server(reactor_, handler);
  Upstream upstream;
  upstream.endpoint = *server.listen(kAnyLoopback);
  reactor_.block_on([](HttpClient& client, Upstream to, HttpServer& s) -> io::Task<void> {
    {
      ClientRequest request;
      auto response = co_await client.send(to, std::move(request));
      EXPECT_EQ(response->status(), 200);
    }
    while (s.counts().connections > 0) co_await io::sleep_for(1ms);
  }(client_, upstream, server));
  EXPECT_EQ(client_.idle_connections(), 0U);
}

TEST_F(HttpClientTest, KeepsNoMoreIdleConnectionsThanAllowed) {
  FunctionHandler handler(
      [](Exchange& exchange) -> io::Task<void> { (void)co_await exchange.respond_text(200, "text/plain", "x"); });
  HttpServer server(reactor_, handler);
  HttpClient::Options options;
  options.max_idle_per_upstream = 2;
  HttpClient client(reactor_, options);
  Upstream upstream;
  upstream.endpoint = *server.listen(kAnyLoopback);
  reactor_.block_on([](HttpClient& c, Upstream to) -> io::Task<void> {
    std::vector<ClientResponse> responses;
    for (int i = 0; i < 4; ++i) {
      ClientRequest request;
      responses.push_back(*co_await c.send(to, std::move(request)));
    }
    for (auto& response : responses) EXPECT_EQ(*co_await response.read_all(10), "x");
  }(client, upstream));
  EXPECT_EQ(client.idle_connections(), 2U);
  client.close_idle();
  EXPECT_EQ(client.idle_connections(), 0U);
}

TEST(Fetch, TakesUrlsApart) {
  const auto plain = parse_fetch_url("http://example.com");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->target, "/");
  const auto full = parse_fetch_url("https://[::1]:8443/a/b?c=d");
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->host, "::1");
  EXPECT_EQ(full->port, 8443);
  EXPECT_EQ(full->authority, "[::1]:8443");
  EXPECT_EQ(full->target, "/a/b?c=d");
  const auto local = parse_fetch_url("unix:/run/edge.sock:/status");
  EXPECT_EQ(local->unix_path, "/run/edge.sock");
  EXPECT_EQ(local->target, "/status");
  for (const char* bad : {"ftp://x/", "http:///x", "http://a b/", "/x", "unix:"})
    EXPECT_FALSE(parse_fetch_url(bad)) << bad;
}

TEST(Fetch, AsksAUnixSocketAndALoopbackPort) {
  const TempFolder folder;
  io::Reactor reactor;
  FunctionHandler handler([](Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers;
    headers.add("X-Path", exchange.request().target);
    (void)co_await exchange.respond(201, std::move(headers), "made");
  });
  HttpServer server(reactor, handler);
  ASSERT_TRUE(server.listen_unix(folder.path() / "s"));
  const Endpoint at = *server.listen(kAnyLoopback);
  io::BlockingPool pool;
  io::Resolver resolver(pool);
  HttpClient client(reactor);
  for (const std::string& url : {"unix:" + (folder.path() / "s").string() + ":/a?b", "http://" + to_string(at) + "/a?b",
                                 "http://localhost:" + std::to_string(at.port) + "/a?b"}) {
    const auto response = reactor.block_on(fetch(client, resolver, {url}));
    ASSERT_TRUE(response) << url << response.error().message;
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->headers.value("X-Path"), "/a?b");
    EXPECT_EQ(response->body, "made");
  }
}

}  // namespace
}  // namespace yz::net
