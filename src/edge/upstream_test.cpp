#include <map>
#include <set>

#include <gtest/gtest.h>

#include "edge/cache_key.h"
#include "edge/options.h"
#include "edge/upstream/choice.h"
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

TEST(Choice, ANodesDeathMovesOnlyItsOwnShare) {
  std::vector<Peer> peers;
  for (std::uint64_t i = 1; i <= 4; ++i) peers.push_back({{i}, {}, i == 4 ? 200U : 100U});
  UpstreamHealth healthy;
  UpstreamHealth without_two;
  const MonoTime now{};
  without_two.failed(name_of(peers[1]), now);
  std::map<std::uint64_t, int> share;
  for (std::uint64_t base = 0; base < 5000; ++base) {
    const auto before = choose_peers(peers, base * 7919, healthy, now);
    const auto after = choose_peers(peers, base * 7919, without_two, now);
    ASSERT_EQ(before.size(), 2U);
    ++share[before[0]->node.value];
    EXPECT_EQ(after[0], before[0]->node.value == 2 ? before[1] : before[0]);
  }
  EXPECT_NEAR(share[4], 2000, 200);
  EXPECT_NEAR(share[1], 1000, 200);
}

TEST(Choice, OriginsAreTriedPrimariesFirstAndNeverNone) {
  model::OriginGroup group;
  group.origins = {{"a", 80, 3, false, false}, {"b", 80, 1, false, false}, {"c", 80, 1, true, false}};
  UpstreamHealth health;
  const MonoTime now{};
  std::map<std::string, int> first;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto order = choose_origins(group, i * 0x9e3779b97f4a7c15ULL, health, now);
    ASSERT_EQ(order.size(), 3U);
    ++first[order[0]->host];
    EXPECT_EQ(order[2]->host, "c");
  }
  EXPECT_NEAR(first["a"], 3000, 200);
  health.failed(name_of(group.origins[0]), now);
  health.failed(name_of(group.origins[1]), now);
  EXPECT_EQ(choose_origins(group, 1, health, now)[0]->host, "c");
  health.failed(name_of(group.origins[2]), now);
  EXPECT_EQ(choose_origins(group, 1, health, now).size(), 3U);
  EXPECT_NE(choose_origins(group, 1, health, now + std::chrono::seconds(2))[0]->host, "c");
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
