#include "agent/settings.h"

#include <gtest/gtest.h>

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

TEST(AgentSettings, AreReadFromYaml) {
  const auto settings = read_settings(R"(
control: [127.0.0.1:7000, "[::1]:7000"]
join_token: yzj-x
name: bj-1
state: /tmp/x
heartbeat: 500ms
edge:
  binary: /bin/edge
  settings: { listen: [127.0.0.1:80], memory: 64MiB }
log: { level: debug, json: true }
)",
                                      "agent.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->controls.size(), 2u);
  EXPECT_EQ(settings->name, "bj-1");
  EXPECT_EQ(settings->heartbeat, 500ms);
  EXPECT_EQ(settings->edge.binary, "/bin/edge");
  EXPECT_NE(settings->edge.settings_json.find("64MiB"), std::string::npos);
  EXPECT_EQ(settings->log.level, log::Level::kDebug);
  EXPECT_TRUE(settings->log.json);
  EXPECT_TRUE(check(*settings));
}

TEST(AgentSettings, ProblemsNameTheLineAndWhatWasExpected) {
  const auto settings = read_settings("control: 127.0.0.1:7000\nheartbeat: soon\nedge:\n  bin: x\n", "agent.yaml");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, Code::kInvalid);
  EXPECT_NE(settings.error().message.find("agent.yaml:2"), std::string::npos) << settings.error().message;
  EXPECT_NE(settings.error().message.find("expected a time"), std::string::npos);
  EXPECT_NE(settings.error().message.find("agent.yaml:4"), std::string::npos) << settings.error().message;
  EXPECT_NE(settings.error().message.find("unknown setting"), std::string::npos);
}

TEST(AgentSettings, WhatIsMissingIsSaid) {
  Settings settings;
  EXPECT_NE(check(settings).error().message.find("--control"), std::string::npos);
  settings.controls = {"127.0.0.1:1"};
  EXPECT_NE(check(settings).error().message.find("--state"), std::string::npos);
}

}  // namespace
}  // namespace yz::agent
