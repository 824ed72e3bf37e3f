#include "net/router.h"

#include "io/reactor.h"
#include "net/http_server.h"
#include "net/sse.h"
#include "net/test_support.h"

namespace yz::net {
namespace {

using http::Method;
using testing::body_of;
using testing::exchange_text;
using testing::kAnyLoopback;

TEST(RouteTable, FindsTheMostLiteralPattern) {
  RouteTable table;
  table.add(Method::kGet, "/", 0);
  table.add(Method::kGet, "/tasks", 1);
  table.add(Method::kGet, "/tasks/{id}", 2);
  table.add(Method::kGet, "/tasks/{id}/events", 3);
  table.add(Method::kGet, "/tasks/latest", 4);
  table.add(Method::kGet, "/files/{path*}", 5);
  table.add(Method::kGet, "/files/{name}/info", 6);
  struct Case {
    const char* path;
    std::optional<std::size_t> route;
    const char* name;
    const char* value;
  };
  for (const Case& c : {Case{"/", 0, "", ""}, Case{"/tasks", 1, "", ""}, Case{"/tasks/7", 2, "id", "7"},
                        Case{"/tasks/7/events", 3, "id", "7"}, Case{"/tasks/latest", 4, "", ""},
                        Case{"/tasks/latest/events", 3, "id", "latest"}, Case{"/files/a/b/c", 5, "path", "a/b/c"},
                        Case{"/files/a/info", 6, "name", "a"}, Case{"/files/", 5, "path", ""},
                        Case{"/tasks/a%2Fb%20c", 2, "id", "a/b c"}, Case{"/tasks/", std::nullopt, "", ""},
                        Case{"/nothing", std::nullopt, "", ""}, Case{"*", std::nullopt, "", ""}}) {
    const auto match = table.match(Method::kGet, c.path);
    EXPECT_EQ(match.route, c.route) << c.path;
    EXPECT_EQ(match.params.get(c.name), c.value) << c.path;
  }
}

TEST(RouteTable, TellsOtherMethodsAndServesHeadByGet) {
  RouteTable table;
  table.add(Method::kGet, "/a/{x}", 1);
  table.add(Method::kPut, "/a/{id}", 2);
  EXPECT_EQ(table.match(Method::kHead, "/a/1").route, 1U);
  EXPECT_EQ(table.match(Method::kPut, "/a/1").params.get("id"), "1");
  const auto other = table.match(Method::kDelete, "/a/1");
  EXPECT_FALSE(other.route);
  EXPECT_EQ(other.allowed, (std::vector{Method::kGet, Method::kPut}));
  EXPECT_EQ(table.match(Method::kGet, "/a/1").pattern, "/a/{x}");
}

TEST(Query, IsDecodedInOrder) {
  const auto all = parse_query("a=1&b=x%20y+z&a=2&flag&=e&bad=%zz");
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[1].second, "x y z");
  EXPECT_EQ(all[3], (std::pair<std::string, std::string>("flag", "")));
  EXPECT_EQ(all[5].second, "%zz");
  EXPECT_EQ(query_value("a=1&a=2", "a"), "1");
  EXPECT_EQ(query_value("a=1", "b"), std::nullopt);
}

TEST(Router, DispatchesAndAnswersProblems) {
  io::Reactor reactor;
  Router router;
  router.get("/hello/{name}", [](Exchange& exchange, const RouteParams& params) -> io::Task<void> {
    (void)co_await exchange.respond_text(200, "text/plain", "hello " + std::string(params.get("name")));
  });
  router.get("/events", [](Exchange& exchange, const RouteParams&) -> io::Task<void> {
    SseStream events(exchange);
    (void)co_await events.open();
    (void)co_await events.send("state", "one\ntwo", "7");
    (void)co_await events.ping();
    (void)co_await events.close();
  });
  HttpServer server(reactor, router);
  const Endpoint at = *server.listen(kAnyLoopback);
  const auto ask = [&](std::string line) {
    return reactor.block_on(exchange_text(at, line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  };
  EXPECT_EQ(body_of(ask("GET /hello/a%20b?q")), "hello a b");
  EXPECT_EQ(body_of(ask("GET /nowhere")),
            R"({"type":"about:blank","title":"Not Found","status":404,"detail":"nothing is served at /nowhere"})");
  const std::string refused = ask("DELETE /hello/x");
  EXPECT_EQ(refused.substr(0, 12), "HTTP/1.1 405");
  EXPECT_NE(refused.find("Allow: OPTIONS, GET, HEAD\r\n"), std::string::npos);
  EXPECT_EQ(ask("OPTIONS /hello/x").substr(0, 12), "HTTP/1.1 204");
  const std::string events = body_of(ask("GET /events"));
  EXPECT_NE(events.find("event: state\nid: 7\ndata: one\ndata: two\n\n"), std::string::npos);
  EXPECT_NE(events.find(":\n\n"), std::string::npos);
}

}  // namespace
}  // namespace yz::net
