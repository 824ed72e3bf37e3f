#include "net/h2/session_fixture.h"

namespace yz::net::h2 {
namespace {

using namespace std::chrono_literals;
using namespace testing;

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

}  // namespace
}  // namespace yz::net::h2
