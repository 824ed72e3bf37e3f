#include "gslb/settings.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace yz::gslb {
namespace {

constexpr std::string_view kGood = R"(
listen: ["127.0.0.1:0", "[::1]:0"]
http: 127.0.0.1:0
workers: 2
nsid: gslb-1
geo_overrides:
  - 127.0.1.0/24 CN beijing unicom
probe: {interval: 200ms, fall: 3, enabled: false}
config:
  settings:
    cdn_zone: cdn.test
    hostmaster: hostmaster.cdn.test
    name_servers: [{name: ns1.cdn.test, addresses: [127.0.0.1]}]
  node_groups: [{id: 1, name: bj, place: {country: CN, province: CN-BJ}, isps: [unicom]}]
  nodes: [{id: 1, name: a, group: 1, addresses: [127.0.1.1]}]
  policies: [{id: 1, name: near, default_groups: [1]}]
  domains: [{id: 1, name: www.a.com, policy: 1}]
)";

TEST(Settings, AStandAloneFileIsReadWhole) {
  const auto settings = parse_settings(kGood, "gslb.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->listen.size(), 2U);
  EXPECT_EQ(settings->workers, 2U);
  EXPECT_FALSE(settings->probing);
  EXPECT_EQ(settings->health.fall, 3);
  EXPECT_EQ(settings->config->domains.size(), 1U);
}

TEST(Settings, ProblemsAreNamedByFileAndLine) {
  const struct {
    std::string_view from, to, message;
  } cases[] = {
      {"workers: 2", "workers: 0", "gslb.yaml:4: /workers: expected a number from 1 to 64"},
      {"workers: 2", "worker: 2", "gslb.yaml:4: /worker: unknown field"},
      {"http: 127.0.0.1:0", "http: localhost",
       "gslb.yaml:3: /http: 'localhost' is not an endpoint; expected ADDRESS:PORT or [ADDRESS]:PORT"},
      {"interval: 200ms", "interval: soon",
       "gslb.yaml:8: /probe/interval: expected a duration of at least 20 ms, such as \"300ms\""},
      {"CN beijing unicom", "CN tokyo unicom",
       "gslb.yaml:6: /geo_overrides: line 1: 'tokyo' is not a province of China or '-'"},
  };
  for (const auto& c : cases) {
    std::string text(kGood);
    text.replace(text.find(c.from), c.from.size(), c.to);
    const auto settings = parse_settings(text, "gslb.yaml");
    ASSERT_FALSE(settings) << c.to;
    EXPECT_EQ(settings.error().message, c.message);
  }
}

TEST(Settings, AConfigurationThatLeadsNowhereIsRefused) {
  std::string text(kGood);
  text.replace(text.find("group: 1"), 8, "group: 9");
  const auto settings = parse_settings(text, "gslb.yaml");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message.substr(0, 35), "gslb.yaml:15: /config/nodes/0/group");
  EXPECT_FALSE(parse_settings("listen: 127.0.0.1:0\n", "x"));
  EXPECT_FALSE(parse_settings("control: [a:1]\n", "x")) << "control needs a state folder";
}

}  // namespace
}  // namespace yz::gslb
