#include "net/h2/session.h"

#include <numeric>

#include "net/h2/test_client.h"
#include "net/test_support.h"

namespace yz::net::h2 {
namespace {

using namespace std::chrono_literals;
using net::testing::FunctionHandler;
using net::testing::kAnyLoopback;
using testing::Client;
using testing::data;
using testing::frame;
using testing::get;
using testing::post;
using testing::Received;
using testing::request;
using testing::reset;
using testing::Response;
using testing::setting;
using testing::u32;
using testing::window_update;

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i * 7 % 26);
  return out;
}

/// What the handler below saw and does; one per test.
struct Site {
  std::string big = pattern(300'000);
  int handled = 0;
  int destroyed = 0;  // handlers that ended, or were destroyed while they waited
  std::string seen;   // of the last request
};

struct CountsEnd {
  explicit CountsEnd(Site& s) : site(s) {}
  ~CountsEnd() { ++site.destroyed; }
  Site& site;
};

io::Task<void> echo_slowly(Exchange& exchange) {
  exchange.begin(200, {}, {});
  std::array<char, 10'000> buffer;
  while (true) {
    const auto n = co_await exchange.read_body(buffer);
    if (!n || *n == 0) break;
    const std::string_view piece(buffer.data(), *n);
    if (!co_await exchange.send(piece)) co_return;
  }
  (void)co_await exchange.finish();
}

io::Task<void> answer(Site& site, Exchange& exchange) {
  const CountsEnd counted(site);
  ++site.handled;
  const http::RequestHead& head = exchange.request();
  site.seen = std::string(head.method_text) + " " + std::string(head.host) + " " + std::string(head.target);
  for (const http::Field& field : http::Fields(head.fields)) {
    site.seen.append("|").append(field.name).append("=").append(field.value);
  }
  if (head.path == "/big") {
    const std::string_view head_text = "HTTP/1.1 200 OK\r\nX-Name: value\r\nContent-Length: 300000\r\n";
    const iovec head_piece{const_cast<char*>(head_text.data()), head_text.size()};
    const iovec piece{site.big.data(), site.big.size()};
    (void)co_await exchange.respond_raw(200, {&head_piece, 1}, {&piece, 1});
    co_return;
  }
  if (head.path == "/echo") co_return co_await echo_slowly(exchange);
  if (head.path == "/silent") co_return;
  if (head.path == "/unread") {
    (void)co_await exchange.respond_text(403, "text/plain", "no");
    co_return;
  }
  if (head.path == "/wait") co_await io::sleep_for(60s);
  if (head.path == "/soon") co_await io::sleep_for(20ms);
  if (head.path == "/abort") {
    exchange.begin(200, {}, {100});
    (void)co_await exchange.send("part");
    co_return exchange.abort();
  }
  if (head.path == "/empty") {
    (void)co_await exchange.respond(204, {}, "");
    co_return;
  }
  const auto body = co_await exchange.read_body_all(1 << 20);
  if (!body) co_return exchange.abort();
  (void)co_await exchange.respond_text(200, "text/plain", std::string(head.path) + " " + *body);
}

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { start({}); }

  void start(HttpServerOptions options) {
    server_.reset();
    server_ = std::make_unique<HttpServer>(reactor_, handler_, options);
    at_ = server_->listen(kAnyLoopback).value();
  }
  template <typename Play>
  void play(Play&& play) {
    reactor_.block_on(play(at_));
  }
  [[nodiscard]] std::uint64_t floods(Flood kind) const {
    return server_->counts().h2.floods[static_cast<std::size_t>(kind)];
  }

  io::Reactor reactor_;
  Site site_;
  FunctionHandler handler_{[this](Exchange& exchange) { return answer(site_, exchange); }};
  std::unique_ptr<HttpServer> server_;
  Endpoint at_;
};

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
    reactor_.spawn(server_->drain(reactor_.in(5s)));
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

TEST_F(SessionTest, ResetsMalformedRequestsBeforeAnyHandlerSeesThem) {
  using Lines = testing::FieldLines;
  const std::vector<std::pair<const char*, Lines>> cases = {
      {"upper case", request("/", "GET", {{"X-Upper", "v"}})},
      {"connection", request("/", "GET", {{"connection", "close"}})},
      {"transfer-encoding", request("/", "POST", {{"transfer-encoding", "chunked"}})},
      {"upgrade", request("/", "GET", {{"upgrade", "h2c"}})},
      {"te", request("/", "GET", {{"te", "gzip"}})},
      {"line end in a value", request("/", "GET", {{"x", "a\r\nb: c"}})},
      {"bare line feed", request("/", "GET", {{"x", "a\nb"}})},
      {"nul", request("/", "GET", {{"x", std::string("a\0b", 3)}})},
      {"space before a value", request("/", "GET", {{"x", " a"}})},
      {"space after a value", request("/", "GET", {{"x", "a "}})},
      {"colon in a name", request("/", "GET", {{"x: y", "a"}})},
      {"space in a name", request("/", "GET", {{"x y", "a"}})},
      {"line end in the path", request("/ HTTP/1.1\r\nx: y", "GET")},
      {"space in the path", request("/a b", "GET")},
      {"fragment", request("/a#b", "GET")},
      {"no slash", request("a", "GET")},
      {"empty path", request("", "GET")},
      {"asterisk for GET", request("*", "GET")},
      {"method with a space", request("/", "GET /x HTTP/1.1\r\n")},
      {"pseudo field after others", {{":method", "GET"}, {"x", "y"}, {":path", "/"}, {":scheme", "http"}}},
      {"unknown pseudo field", request("/", "GET", {{":other", "x"}})},
      {"two paths", request("/", "GET", {{":path", "/b"}})},
      {"host differs", request("/", "GET", {{"host", "other.org"}})},
      {"two hosts", request("/", "GET", {{"host", "example.org"}, {"host", "example.org"}})},
      {"userinfo", {{":method", "GET"}, {":path", "/"}, {":scheme", "http"}, {":authority", "a@b"}}},
      {"length with a sign", request("/", "POST", {{"content-length", "+1"}})},
      {"two lengths", request("/", "POST", {{"content-length", "0"}, {"content-length", "0"}})},
      {"length without a body", request("/", "POST", {{"content-length", "5"}})},
  };
  play([&](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at);
    std::uint32_t id = 1;
    for (const auto& [what, fields] : cases) {
      // The encoder would make names lower case, which is what is to be tested.
      std::string block;
      for (const auto& [name, value] : fields) {
        block.push_back('\0');
        block.push_back(static_cast<char>(name.size()));
        block += name;
        block.push_back(static_cast<char>(value.size()));
        block += value;
      }
      co_await client->send(frame(FrameType::kHeaders, kEndHeaders | kEndStream, id, block));
      EXPECT_EQ((co_await client->response(id)).reset, ErrorCode::kProtocolError) << what;
      id += 2;
    }
  });
  EXPECT_EQ(site_.handled, 0);
}

TEST_F(SessionTest, ResetsBodiesThatBelieTheirLength) {
  play([](Endpoint at) -> io::Task<void> {
    const testing::FieldLines five = {{"content-length", "5"}};
    auto client = co_await Client::open(
        at, post(1, "/a", five) + data(1, "sixsix", true) + post(3, "/b", five) + data(3, "four", true) +
                post(5, "/c", five) + data(5, "four", false) +
                frame(FrameType::kHeaders, kEndHeaders | kEndStream, 5, testing::encode({{"x", "y"}})) +
                post(7, "/d", five) + data(7, "fi", false) + data(7, "ve!", true));
    for (const std::uint32_t id : {1U, 3U, 5U}) {
      EXPECT_EQ((co_await client->response(id)).reset, ErrorCode::kProtocolError);
    }
    EXPECT_EQ((co_await client->response(7)).body, "/d five!");
  });
}

TEST_F(SessionTest, RefusesHeadsBeyondTheLimitsWithTheirStatus) {
  play([](Endpoint at) -> io::Task<void> {
    auto client = co_await Client::open(at);
    const auto ask = [&](std::uint32_t id, testing::FieldLines fields) -> std::string {
      const std::string block = testing::encode(fields);
      std::string out;
      for (std::size_t at_byte = 0; at_byte < block.size(); at_byte += 16384) {
        const std::string_view part = std::string_view(block).substr(at_byte, 16384);
        const std::uint8_t last = at_byte + part.size() == block.size() ? kEndHeaders : 0;
        out += at_byte == 0 ? frame(FrameType::kHeaders, last | kEndStream, id, part)
                            : frame(FrameType::kContinuation, last, id, part);
      }
      return out;
    };
    testing::FieldLines many = request("/");
    for (int i = 0; i < 130; ++i) many.emplace_back("x-" + std::to_string(i), "v");
    testing::FieldLines large = request("/");
    for (int i = 0; i < 5; ++i) large.emplace_back("x-" + std::to_string(i), std::string(14'000, 'v'));
    const std::string no_host = ask(7, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}) +
                                ask(9, request("/", "GET", {{"expect", "x"}}));
    co_await client->send(ask(1, many) + ask(3, large) + ask(5, request("/" + std::string(9000, 'p'))) + no_host);
    EXPECT_EQ((co_await client->response(1)).status, 431);
    EXPECT_EQ((co_await client->response(3)).status, 431);
    EXPECT_EQ((co_await client->response(5)).status, 414);
    EXPECT_EQ((co_await client->response(7)).status, 400);
    EXPECT_EQ((co_await client->response(9)).status, 417);
    co_await client->send(get(11, "/fine"));
    EXPECT_EQ((co_await client->response(11)).body, "/fine ");
  });
  EXPECT_EQ(server_->counts().bad_requests, 5U);
}

// --- priorities (RFC 9218) ---

/// Asks for /big on streams 1, 3, 5 with these priorities through a shut connection window, opens it, and tells the
/// order in which streams began and ended.
io::Task<std::string> order_of(Endpoint at, std::array<std::string, 3> priorities, std::string update) {
  auto client = co_await Client::open(at, get(1, "/big"), setting(SettingId::kInitialWindowSize, 1 << 20));
  std::size_t seen = 0;
  while (seen < 65535) {  // shuts the connection's window
    const auto got = co_await client->next();
    if (!got) co_return "ended";
    if (got->type == FrameType::kData) seen += got->payload.size();
  }
  co_await client->send(reset(1));
  std::string requests;
  for (std::uint32_t i = 0; i < 3; ++i) {
    testing::FieldLines more;
    if (!priorities[i].empty()) more.emplace_back("priority", priorities[i]);
    requests += get(3 + 2 * i, "/big", more);
  }
  co_await client->send(requests + update);
  for (int heads = 0; heads < 3;) {
    const auto got = co_await client->next();
    if (!got) co_return "ended";
    if (got->type == FrameType::kHeaders) ++heads;
  }
  co_await client->send(window_update(0, 1 << 20));
  std::string order;
  std::map<std::uint32_t, bool> has_begun;
  for (int ends = 0; ends < 3;) {
    const auto got = co_await client->next();
    if (!got) co_return "ended";
    if (got->type != FrameType::kData) continue;
    const char name = static_cast<char>('a' + (got->stream - 3) / 2);
    if (!std::exchange(has_begun[got->stream], true)) order += name;
    if (got->ends()) order += static_cast<char>(name - 'a' + 'A');
    if (got->ends()) ++ends;
  }
  co_return order;
}

TEST_F(SessionTest, SendsUrgentAnswersFirstAndTheRestInTurnOfTheirStreams) {
  EXPECT_EQ(reactor_.block_on(order_of(at_, {"", "", ""}, "")), "aAbBcC");
  EXPECT_EQ(reactor_.block_on(order_of(at_, {"u=5", "", "u=0"}, "")), "cCbBaA");
}

TEST_F(SessionTest, SharesTheConnectionAmongIncrementalAnswers) {
  EXPECT_EQ(reactor_.block_on(order_of(at_, {"i", "i", "u=1"}, "")), "cCabAB");
}

TEST_F(SessionTest, FollowsPriorityUpdates) {
  const std::string update = frame(FrameType::kPriorityUpdate, 0, 0, u32(7) + "u=0");
  EXPECT_EQ(reactor_.block_on(order_of(at_, {"", "", ""}, update)), "cCaAbB");
}

// --- floods (one test for each way to make a server work for nothing) ---

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
