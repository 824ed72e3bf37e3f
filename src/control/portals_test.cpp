#include "control/portals.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "net/fetch_for_test.h"
#include "net/http_server.h"

namespace yz::control {
namespace {

class Api final : public net::HttpHandler {
 public:
  io::Task<void> handle(net::Exchange& exchange) override {
    (void)co_await exchange.respond_text(200, "text/plain", "api");
  }
};

/// A build of the portals with one asset, served.
class PortalsTest : public testing::Test {
 protected:
  PortalsTest() {
    write("operator/index.html", "operator");
    write("customer/index.html", "customer");
    write("assets/a-1234.js", "plain script");
    write("assets/a-1234.js.br", "brotli");
    write("assets/a-1234.js.gz", "gzip");
    portals = *Portals::open(folder.path(), api);
    server.emplace(reactor, *portals);
    port = server->listen({IpAddress::v4(0x7f000001), 0})->port;
  }
  void write(const std::string& name, std::string_view text) {
    const auto path = folder.path() / name;
    EXPECT_TRUE(make_folder(path.parent_path()));
    EXPECT_TRUE(write_file_atomically(path, text));
  }
  net::FetchResponse get(const std::string& path, http::HeaderMap headers = {}, const std::string& method = "GET") {
    return net::testing::fetch_here(reactor, port, path, std::move(headers), method);
  }

  TempFolder folder;
  io::Reactor reactor;
  Api api;
  std::unique_ptr<Portals> portals;
  std::optional<net::HttpServer> server;
  std::uint16_t port = 0;
};

TEST_F(PortalsTest, AnswerEveryPathOfAPortalWithItsIndex) {
  struct Case {
    const char* path;
    int status;
    const char* body;
  };
  for (const Case& c : {Case{"/operator/", 200, "operator"}, Case{"/operator/nodes/7?tab=load", 200, "operator"},
                        Case{"/portal/", 200, "customer"}, Case{"/portal/domains/new", 200, "customer"},
                        Case{"/portal/missing.js", 404, "There is no such file.\n"},
                        Case{"/assets/missing", 404, "There is no such file.\n"}, Case{"/api/v1/domains", 200, "api"},
                        Case{"/operators", 200, "api"}, Case{"/portal/../../etc/passwd", 404, nullptr}}) {
    const auto reply = get(c.path);
    if (c.body == nullptr) {
      EXPECT_NE(reply.body.find("root:"), 0U);
      continue;
    }
    EXPECT_EQ(reply.status, c.status) << c.path;
    EXPECT_EQ(reply.body, c.body) << c.path;
  }
  EXPECT_EQ(get("/").headers.value("Location"), "/portal/");
  EXPECT_EQ(get("/operator").headers.value("Location"), "/operator/");
}

TEST_F(PortalsTest, SendTheFormThatTheClientPrefers) {
  struct Case {
    const char* accepted;
    const char* body;
    const char* coding;
  };
  for (const Case& c : {Case{"gzip, deflate, br", "brotli", "br"}, Case{"gzip", "gzip", "gzip"},
                        Case{"br;q=0.1, gzip;q=0.9", "gzip", "gzip"}, Case{"br;q=0, gzip;q=0", "plain script", nullptr},
                        Case{"*", "brotli", "br"}, Case{"identity", "plain script", nullptr}}) {
    const auto reply = get("/assets/a-1234.js", {{"Accept-Encoding", c.accepted}});
    EXPECT_EQ(reply.body, c.body) << c.accepted;
    const auto coding = reply.headers.value("Content-Encoding");
    EXPECT_EQ(coding.has_value(), c.coding != nullptr) << c.accepted;
    if (c.coding != nullptr) EXPECT_EQ(coding, c.coding) << c.accepted;
    EXPECT_EQ(reply.headers.value("Vary"), "Accept-Encoding");
    EXPECT_EQ(reply.headers.value("Content-Type"), "text/javascript; charset=utf-8");
  }
}

TEST_F(PortalsTest, KeepAssetsForEverAndAskForTheIndexEachTime) {
  EXPECT_EQ(get("/assets/a-1234.js").headers.value("Cache-Control"), "public, max-age=31536000, immutable");
  const auto index = get("/operator/");
  EXPECT_EQ(index.headers.value("Cache-Control"), "no-cache");
  EXPECT_EQ(get("/operator/", {{"If-None-Match", *index.headers.value("ETag")}}).status, 304);
}

TEST_F(PortalsTest, LetNoForeignScriptOrFrameIn) {
  for (const char* path : {"/operator/", "/portal/x", "/assets/a-1234.js", "/portal/none.js"}) {
    const auto reply = get(path);
    const std::string policy(reply.headers.value("Content-Security-Policy").value_or(""));
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << path;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << path;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << path;
    EXPECT_EQ(reply.headers.value("X-Content-Type-Options"), "nosniff") << path;
  }
}

TEST_F(PortalsTest, TakeOnlyGetAndHead) {
  EXPECT_EQ(get("/operator/", {}, "POST").status, 405);
  const auto head = get("/operator/", {}, "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(PortalsTest, SayHowToGetThemWhenTheyAreNotBuilt) {
  const auto without = Portals::open({}, api);
  ASSERT_TRUE(without);
  net::HttpServer bare(reactor, **without);
  port = bare.listen({IpAddress::v4(0x7f000001), 0})->port;
  EXPECT_EQ(get("/operator/").status, 404);
  EXPECT_NE(get("/portal/").body.find("./dev build"), std::string::npos);
  EXPECT_EQ(get("/api/v1/x").body, "api");
  const TempFolder empty;
  EXPECT_FALSE(Portals::open(empty.path(), api));
  EXPECT_TRUE(Portals::find(empty.path()).empty());
}

}  // namespace
}  // namespace yz::control
