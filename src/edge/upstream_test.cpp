#include <gtest/gtest.h>

#include "edge/cache_key.h"
#include "edge/options.h"
#include "edge/upstream/peer_auth.h"

namespace yz::edge {
namespace {

const WallTime kNow{std::chrono::seconds(1'700'000'000)};

TEST(PeerAuth, IsGoodForOneRequestForAMinute) {
  const auto signed_field = sign_peer("0123456789abcdef", {7}, kNow, "a.com", "/x");
  EXPECT_EQ(verify_peer("0123456789abcdef", signed_field, kNow, "A.com", "/x"), model::NodeId{7});
  EXPECT_FALSE(verify_peer("0123456789abcdef", signed_field, kNow, "a.com", "/y"));
  EXPECT_FALSE(verify_peer("0123456789abcdef", signed_field, kNow, "b.com", "/x"));
  EXPECT_FALSE(verify_peer("other key of 16", signed_field, kNow, "a.com", "/x"));
  EXPECT_FALSE(verify_peer("", signed_field, kNow, "a.com", "/x"));
  EXPECT_FALSE(verify_peer("0123456789abcdef", signed_field, kNow + std::chrono::seconds(61), "a.com", "/x"));
  EXPECT_FALSE(verify_peer("0123456789abcdef", "8" + signed_field.substr(1), kNow, "a.com", "/x"));
  for (const auto* bad : {"", "1 2", "1 2 3 4", "x y z"}) {
    EXPECT_FALSE(verify_peer("0123456789abcdef", bad, kNow, "a.com", "/x"));
  }
}

TEST(CacheKeyRule, KeepsDropsAndSortsTheQuery) {
  using model::QueryKey;
  const auto key = [](QueryKey query, std::vector<std::string> params, bool sort, const char* target) {
    return key_target(target, model::KeyRule{query, std::move(params), sort});
  };
  EXPECT_EQ(key(QueryKey::kKeepAll, {}, false, "/a?b=1&a=2"), "/a?b=1&a=2");
  EXPECT_EQ(key(QueryKey::kKeepAll, {}, true, "/a?b=1&a=2"), "/a?a=2&b=1");
  EXPECT_EQ(key(QueryKey::kIgnoreAll, {}, false, "/a?b=1"), "/a");
  EXPECT_EQ(key(QueryKey::kKeepListed, {"v"}, false, "/a?x=1&v=2"), "/a?v=2");
  EXPECT_EQ(key(QueryKey::kDropListed, {"utm"}, false, "/a?utm=1&v=2"), "/a?v=2");
  EXPECT_EQ(key(QueryKey::kKeepListed, {"v"}, false, "/a?x=1"), "/a");
}

TEST(CacheKeyRule, AmbiguousPathsAreKnown) {
  for (const auto* bad : {"/a%2fb", "/a%5Cb", "/a\\b", "/%00", "/a/../b", "/a/%2e%2E/b", "/.", "/a/..", "/%", "/%2",
                          "/%252e", "/a%3b", "/a%23", "/a%3F", "/%0d"}) {
    EXPECT_FALSE(is_unambiguous(bad)) << bad;
  }
  for (const auto* good : {"/", "/a.b/..c/...", "/%E4%B8%AD", "/a%20b", "/.well-known/x", "/a..b"}) {
    EXPECT_TRUE(is_unambiguous(good)) << good;
  }
}

TEST(Options, SayWhatWasExpected) {
  const auto read = [](std::vector<const char*> args) {
    args.insert(args.begin(), "yz-edge");
    return read_options(static_cast<int>(args.size()), args.data());
  };
  const auto good = read({"--listen", "127.0.0.1:8080", "--origin=http://127.0.0.1:9000", "--memory", "64MiB",
                          "--workers", "2", "--profile", "rfc"});
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->origin->port, 9000);
  EXPECT_EQ(good->workers, 2U);
  EXPECT_EQ(read({"--listen", "x"}).error().code, Code::kInvalid);
  EXPECT_NE(read({"--lissen", "x"}).error().message.find("no such setting"), std::string::npos);
  EXPECT_NE(read({"--origin", "http://a"}).error().message.find("--listen"), std::string::npos);
  EXPECT_NE(read({"--listen", "127.0.0.1:1"}).error().message.find("--origin"), std::string::npos);
  EXPECT_FALSE(read({"--listen", "127.0.0.1:1", "--origin", "ftp://a"}));
  EXPECT_EQ(read({"--help"}).error().code, Code::kCancelled);
}

}  // namespace
}  // namespace yz::edge
