#include "cli/api_client.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "net/http_server.h"
#include "net/router.h"

namespace yz::cli {
namespace {

using nlohmann::json;

/// A control that answers what it is told and remembers what it was asked.
class ApiClientTest : public testing::Test {
 protected:
  ApiClientTest() {
    const auto port = server.listen({IpAddress::v4(0x7f000001), 0})->port;
    api.set_target({"http://127.0.0.1:" + std::to_string(port), "secret"});
  }
  void answer(http::Method method, const char* path, http::StatusCode status, json body) {
    const auto handle = [this, status, text = body.dump()](net::Exchange& exchange,
                                                           const net::RouteParams&) -> io::Task<void> {
      return reply(exchange, status, text);
    };
    router.add(method, path, handle);
  }
  io::Task<void> reply(net::Exchange& exchange, http::StatusCode status, std::string text) {
    for (const char* name : {"Authorization", "If-Match", "Idempotency-Key"}) {
      const auto* field = exchange.request().fields.find(std::string_view(name));
      seen[name] = field == nullptr ? "" : std::string(field->value);
    }
    (void)co_await exchange.respond_text(status, "application/json", text);
  }

  io::Reactor reactor;
  net::Router router;
  net::HttpServer server{reactor, router};
  ApiClient api{reactor, {}};
  std::map<std::string, std::string> seen;
};

TEST_F(ApiClientTest, SendsTokenIdempotencyKeyAndPrecondition) {
  answer(http::Method::kPost, "/x", 201, {{"id", 1}});
  answer(http::Method::kPatch, "/x", 200, {{"id", 1}});
  EXPECT_EQ((*reactor.block_on(api.post("/x", json::object())))["id"], 1);
  EXPECT_EQ(seen["Authorization"], "Bearer secret");
  EXPECT_EQ(seen["Idempotency-Key"].size(), 32u);
  ASSERT_TRUE(reactor.block_on(api.patch("/x", json::object())));
  EXPECT_EQ(seen["If-Match"], "*");
}

TEST_F(ApiClientTest, AProblemBecomesAnErrorWithItsPointers) {
  answer(http::Method::kPost, "/x", 422,
         {{"detail", "the body is wrong"}, {"errors", {{{"pointer", "/name"}, {"detail", "expected a text"}}}}});
  const auto result = reactor.block_on(api.post("/x", json::object()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInvalid);
  EXPECT_EQ(result.error().message, "the body is wrong\n  /name: expected a text");
}

TEST_F(ApiClientTest, FindsByExactNameAndSaysWhenThereIsNone) {
  answer(http::Method::kGet, "/list", 200, {{"items", {{{"name", "a"}, {"id", 1}}, {{"name", "ab"}, {"id", 2}}}}});
  EXPECT_EQ((*reactor.block_on(api.find("/list", "ab")))["id"], 2);
  EXPECT_EQ(reactor.block_on(api.find("/list", "b")).error().code, Code::kNotFound);
}

TEST_F(ApiClientTest, FindsByIdWhatHasNoSuchName) {
  answer(http::Method::kGet, "/list", 200, {{"items", {{{"name", "7"}, {"id", 1}}, {{"name", "a"}, {"id", 2}}}}});
  answer(http::Method::kGet, "/list/2", 200, {{"name", "a"}, {"id", 2}});
  answer(http::Method::kGet, "/list/3", 404, {{"detail", "There is no such thing."}});
  answer(http::Method::kGet, "/list/4", 503, {{"detail", "not now"}});
  EXPECT_EQ((*reactor.block_on(api.find("/list", "2")))["name"], "a");
  EXPECT_EQ((*reactor.block_on(api.find("/list", "7")))["id"], 1) << "a name goes before an id";
  const auto nothing = reactor.block_on(api.find("/list", "3"));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kNotFound);
  EXPECT_NE(nothing.error().message.find("'3'"), std::string::npos);
  EXPECT_EQ(reactor.block_on(api.find("/list", "4")).error().code, Code::kUnavailable);
}

TEST_F(ApiClientTest, WaitsForATaskOnlySoLong) {
  answer(http::Method::kGet, "/api/v1/tasks/{id}", 200, {{"state", "running"}});
  const auto result =
      reactor.block_on(api.wait_for_task(7, std::chrono::milliseconds(1), std::chrono::milliseconds(20)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kTimeout);
}

TEST_F(ApiClientTest, AnUnreachableControlIsNamed) {
  api.set_target({"http://127.0.0.1:1", ""});
  const auto result = reactor.block_on(api.get("/healthz"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
  EXPECT_NE(result.error().message.find("127.0.0.1:1"), std::string::npos);
}

}  // namespace
}  // namespace yz::cli
