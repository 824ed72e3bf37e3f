#include "cli/file_server.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "net/fetch_for_test.h"
#include "net/http_server.h"

namespace yz::cli {
namespace {

class FileServerTest : public testing::Test {
 protected:
  FileServerTest() {
    EXPECT_TRUE(make_folder(folder.path() / "news"));
    EXPECT_TRUE(write_file_atomically(folder.path() / "a.txt", "0123456789"));
    EXPECT_TRUE(write_file_atomically(folder.path() / "news" / "index.html", "<p>news"));
    port = server.listen({IpAddress::v4(0x7f000001), 0})->port;
  }
  net::FetchResponse get(const std::string& path, http::HeaderMap headers = {}, const std::string& method = "GET") {
    return net::testing::fetch_here(reactor, port, path, std::move(headers), method);
  }

  TempFolder folder;
  io::Reactor reactor;
  FileServer files{{folder.path(), std::chrono::seconds(60), {}}};
  net::HttpServer server{reactor, files};
  std::uint16_t port = 0;
};

TEST_F(FileServerTest, ServesFilesWithValidatorsLifetimeAndTag) {
  const auto reply = get("/a.txt");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "0123456789");
  EXPECT_EQ(reply.headers.value("Cache-Control"), "public, max-age=60");
  EXPECT_EQ(reply.headers.value("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_TRUE(reply.headers.value("ETag"));
  EXPECT_EQ(get("/news/").headers.value("Cache-Tag"), "news");
  EXPECT_EQ(get("/news/").body, "<p>news");
  EXPECT_EQ(files.fetches_of("/a.txt"), 1u);
}

TEST_F(FileServerTest, AnswersConditionalRequestsWith304) {
  const auto first = get("/a.txt");
  EXPECT_EQ(get("/a.txt", {{"If-None-Match", *first.headers.value("ETag")}}).status, 304);
  EXPECT_EQ(get("/a.txt", {{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_EQ(get("/a.txt", {{"If-Modified-Since", *first.headers.value("Last-Modified")}}).status, 304);
}

TEST_F(FileServerTest, ServesOneRange) {
  struct Case {
    const char* range;
    const char* body;
    int status;
  };
  for (const Case& c :
       {Case{"bytes=2-4", "234", 206}, Case{"bytes=7-", "789", 206}, Case{"bytes=-2", "89", 206},
        Case{"bytes=8-99", "89", 206}, Case{"bytes=99-", "0123456789", 200}, Case{"lines=1-2", "0123456789", 200}}) {
    const auto reply = get("/a.txt", {{"Range", c.range}});
    EXPECT_EQ(reply.status, c.status) << c.range;
    EXPECT_EQ(reply.body, c.body) << c.range;
  }
}

TEST_F(FileServerTest, RefusesWaysOutAndOtherMethods) {
  EXPECT_EQ(get("/%2e%2e/etc/passwd").status, 404);
  EXPECT_EQ(get("/missing").status, 404);
  EXPECT_EQ(get("/a.txt", {}, "DELETE").status, 405);
}

TEST_F(FileServerTest, ReplacingAFileChangesItsTag) {
  const auto before = get("/a.txt");
  ASSERT_TRUE(write_file_atomically(folder.path() / "a.txt", "abcdefghij"));
  const auto after = get("/a.txt");
  EXPECT_EQ(after.body, "abcdefghij");
  EXPECT_NE(before.headers.value("ETag"), after.headers.value("ETag"));
}

TEST(SampleSite, IsWrittenOnce) {
  const TempFolder folder;
  ASSERT_TRUE(write_sample_site(folder.path() / "site"));
  ASSERT_TRUE(write_file_atomically(folder.path() / "site" / "index.html", "mine"));
  ASSERT_TRUE(write_sample_site(folder.path() / "site"));
  EXPECT_EQ(*read_file(folder.path() / "site" / "index.html"), "mine");
}

}  // namespace
}  // namespace yz::cli
