#include "model/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "model/sample_snapshot.h"

namespace yz::model {
namespace {

using nlohmann::json;

TEST(Json, EachResourceReadsBackWhatItWrote) {
  const ConfigSnapshot s = sample_snapshot();
  const auto same = [](const auto& value) {
    const auto back = from_json<std::remove_cvref_t<decltype(value)>>(to_json(value));
    ASSERT_TRUE(back) << to_error(back.error()).message;
    EXPECT_EQ(*back, value);
  };
  same(*s.domains.find({1}));
  same(*s.origin_groups.find({1}));
  same(*s.node_groups.find({1}));
  same(*s.nodes.find({1}));
  same(*s.policies.find({1}));
  same(*s.challenges.find({1}));
  same(
      UsageBatch{{1},
                 UINT64_MAX,
                 2,
                 {{{3, {4}, Tier::kL2, 5, CacheResult::kHit, Protocol::kHttp2, true, 17230, 2, 3}, {1, 2, 3, 4, 5, 6}}},
                 {},
                 {}});
  same(PurgeRecord{{1}, PurgeKind::kTag, {2}, "news", false, WallTime(std::chrono::seconds(1'700'000'000))});
}

TEST(Json, SecretsAreReadAndNeverWritten) {
  Settings settings;
  settings.cluster_key = "0123456789abcdef";
  EXPECT_FALSE(to_json(settings).contains("cluster_key"));
  EXPECT_FALSE(to_json(*sample_snapshot().certificates.find({1})).contains("key_pem"));
  EXPECT_FALSE(to_json(OriginGroup{}).contains("auth_secret"));
  EXPECT_EQ(from_json<OriginGroup>(json{{"auth_secret", "s"}})->auth_secret, "s");
  EXPECT_EQ(from_json<Settings>(json{{"cluster_key", "0123456789abcdef"}})->cluster_key, "0123456789abcdef");
}

TEST(Json, AChangeKeepsWhatItDoesNotName) {
  const Domain before = *sample_snapshot().domains.find({1});
  const auto after = from_json(json{{"correction", true}, {"key_rule", {{"sort_query", false}}}}, before);
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->correction);
  EXPECT_FALSE(after->key_rule.sort_query);
  EXPECT_EQ(after->key_rule.params, before.key_rule.params);
  EXPECT_EQ(after->cache_rules, before.cache_rules);
}

TEST(Json, ATenantsQuotaIsReadFieldByField) {
  Tenant before;
  before.name = "acme", before.quota.refresh_urls = 7;
  const auto after = from_json(json{{"quota", {{"prefetch_urls", 0}}}}, before);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->quota, (TaskQuota{.refresh_urls = 7, .refresh_groups = 100, .prefetch_urls = 0}));
  EXPECT_EQ(*from_json<Tenant>(to_json(*after)), *after);
}

struct BadCase {
  const char* document;
  const char* pointer;
  const char* expected;
};

class BadDomain : public testing::TestWithParam<BadCase> {};

TEST_P(BadDomain, NamesThePointerAndWhatWasExpected) {
  const auto result = from_json<Domain>(*parse_json(GetParam().document));
  ASSERT_FALSE(result);
  ASSERT_EQ(result.error().size(), 1u);
  EXPECT_EQ(result.error()[0].pointer, GetParam().pointer);
  EXPECT_NE(result.error()[0].message.find(GetParam().expected), std::string::npos) << result.error()[0].message;
}

INSTANTIATE_TEST_SUITE_P(
    Json, BadDomain,
    testing::Values(
        BadCase{R"([])", "", "expected an object, found a list"},
        BadCase{R"({"name": 5})", "/name", "expected a text, found 5"},
        BadCase{R"({"nam/e~": ""})", "/nam~1e~0", "unknown field; known: aliases"},
        BadCase{R"({"id": -1})", "/id", "expected a whole number from 0"},
        BadCase{R"({"id": 1.5})", "/id", "expected a whole number"},
        BadCase{R"({"enabled": "yes"})", "/enabled", "expected true or false, found \"yes\""},
        BadCase{R"({"cache_rules": [{}, {"ttl": "soon"}]})", "/cache_rules/1/ttl", "whole number of seconds"},
        BadCase{R"({"cache_rules": [{"ttl": "1500ms"}]})", "/cache_rules/0/ttl", "whole number of seconds"},
        BadCase{R"({"cache_rules": [{"priority": 3000000000}]})", "/cache_rules/0/priority", "to 2147483647"},
        BadCase{R"({"profile": "fast"})", "/profile", "one of safe, rfc"},
        BadCase{R"({"aliases": "a.com"})", "/aliases", "expected a list"}));

TEST(Json, AllProblemsAreReportedAtOnce) {
  const auto result = from_json<Node>(json{{"http_port", 70000}, {"addresses", {"1.2.3", "::1"}}, {"x", 1}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().size(), 3u);
}

TEST(Json, DurationsAreSecondsOrTexts) {
  EXPECT_EQ(from_json<Policy>(json{{"ttl", "2m"}})->ttl, std::chrono::seconds(120));
  EXPECT_EQ(from_json<OriginGroup>(json{{"connect_timeout", "250ms"}})->connect_timeout,
            std::chrono::milliseconds(250));
  EXPECT_EQ(from_json<OriginGroup>(json{{"connect_timeout", 2}})->connect_timeout, std::chrono::seconds(2));
}

TEST(Json, ASnapshotReadsFromItsOwnForm) {
  ConfigSnapshot s = sample_snapshot();
  const auto back = from_json<ConfigSnapshot>(to_json(s));
  ASSERT_TRUE(back) << to_error(back.error()).message;
  EXPECT_EQ(back->domains, s.domains);
  EXPECT_EQ(back->nodes, s.nodes);
}

TEST(Json, ResourcesWithoutIdAreNumberedByPlace) {
  const auto s = from_json<ConfigSnapshot>(json{{"nodes", {{{"name", "a"}}, {{"name", "b"}}}}});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->nodes.find({2})->name, "b");
}

TEST(Json, SyntaxErrorsNameLineAndColumn) {
  const auto result = parse_json("{\n  \"a\": nope}");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.substr(0, 2), "2:") << result.error().message;
}

TEST(Json, DepthIsBounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(kDeepestJson)));
  const auto result = parse_json("{\n\"a\\\"[[\": " + nested(kDeepestJson) + "}");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("2:73: not JSON: more than 64"), std::string::npos) << result.error().message;
  EXPECT_FALSE(parse_json(nested(1'000'000)));
  EXPECT_TRUE(parse_json("{\"a\": \"" + std::string(100, '[') + "\"}"));
}

TEST(ByPosition, TurnsIdsIntoPlaces) {
  const json document = {{"nodes", {{{"id", 7}}, {{"id", 9}}}}};
  EXPECT_EQ(by_position({{"/nodes/9/group", "x"}}, document)[0].pointer, "/nodes/1/group");
  EXPECT_EQ(by_position({{"/settings/cdn_zone", "x"}}, document)[0].pointer, "/settings/cdn_zone");
}

}  // namespace
}  // namespace yz::model
