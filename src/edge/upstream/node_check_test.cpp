#include "edge/upstream/node_check.h"

#include <gtest/gtest.h>

#include "io/reactor.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace yz::edge {
namespace {

/// A node whose health check answers as told.
class FakeNode final : public net::HttpHandler {
 public:
  io::Task<void> handle(net::Exchange& exchange) override {
    ++asked;
    (void)co_await exchange.respond_text(status, "text/plain", "");
  }
  http::StatusCode status = 200;
  int asked = 0;
};

class NodeCheckTest : public testing::Test {
 protected:
  NodeCheckTest() { endpoint = *server.listen({IpAddress::v4(0x7f000001), 0}); }
  bool is_ready(NodeCheck& check, Endpoint at) { return reactor.block_on(check.is_ready({7}, at)); }

  io::Reactor reactor;
  FakeNode node;
  net::HttpServer server{reactor, node};
  net::HttpClient client{reactor};
  Endpoint endpoint;
};

TEST_F(NodeCheckTest, AsksTheNodeOnceWhileTheVerdictIsFresh) {
  NodeCheck check(client);
  EXPECT_TRUE(is_ready(check, endpoint));
  EXPECT_TRUE(is_ready(check, endpoint));
  EXPECT_EQ(node.asked, 1);
}

TEST_F(NodeCheckTest, ANodeThatIsNotReadyOrGoneIsRefused) {
  node.status = 503;
  NodeCheck check(client);
  EXPECT_FALSE(is_ready(check, endpoint));
  NodeCheck other(client);
  EXPECT_FALSE(is_ready(other, {IpAddress::v4(0x7f000001), 1}));
}

io::Task<void> ask(NodeCheck& check, Endpoint endpoint, int& yes, int& done) {
  if (co_await check.is_ready({7}, endpoint)) ++yes;
  ++done;
}

TEST_F(NodeCheckTest, OthersDoNotWaitForAnAnswerUnderWay) {
  NodeCheck check(client);
  int yes = 0, done = 0;
  for (int i = 0; i < 5; ++i) reactor.spawn(ask(check, endpoint, yes, done));
  EXPECT_EQ(done, 4);
  EXPECT_EQ(yes, 0);
  EXPECT_FALSE(is_ready(check, endpoint)) << "still under way";
  while (done < 5) reactor.block_on([]() -> io::Task<void> { co_await io::sleep_for(std::chrono::milliseconds(1)); }());
  EXPECT_EQ(yes, 1);
}

}  // namespace
}  // namespace yz::edge
