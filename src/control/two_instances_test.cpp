#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::FakeNode;
using test::Response;
using test::TestControl;

/// Two instances of control on one database; the second was given the first one's seal key, and nothing else.
class TwoInstances : public testing::Test {
 protected:
  void SetUp() override {
    token_ = first_.post("/api/v1/tokens", {{"name", "both"}, {"role", "operator"}}).json().value("token", "");
    ASSERT_FALSE(token_.empty());
    second_.emplace([this](ControlSettings& settings) {
      std::filesystem::create_directories(settings.state);
      std::filesystem::copy_file(first_.folder() / "state" / "seal.key", settings.state / "seal.key",
                                 std::filesystem::copy_options::overwrite_existing);
      settings.database = first_.database_url();
    });
  }
  Response on_second(const std::string& method, const std::string& path, const json& body = nullptr) {
    return second_->call(method, path, body.is_null() ? "" : body.dump(), {{"If-Match", "*"}}, token_);
  }
  bool second_leads() { return on_second("GET", "/healthz").json().value("leader", false); }
  bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 500; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  TestControl first_;
  std::optional<TestControl> second_;
  std::string token_;
};

TEST_F(TwoInstances, WhatTheSecondTakesReachesTheNodesOfTheFirst) {
  const TestControl::World world = first_.make_world(1);
  FakeNode node(first_, first_.join_token(world.nodes[0]));
  EXPECT_FALSE(second_leads());
  ASSERT_TRUE(eventually([&] { return on_second("GET", "/api/v1/domains").json()["items"].size() == 1; }));

  const Response changed =
      on_second("PATCH", "/api/v1/domains/" + std::to_string(world.domain), {{"correction", true}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_TRUE(node.wait([&] {
    const model::Domain* domain = node.config->domains.find(model::DomainId{world.domain});
    return domain != nullptr && domain->correction;
  }));
  Response accepted;
  ASSERT_TRUE(eventually([&] {  // once the second has heard of the domain
    accepted = on_second("POST", "/api/v1/refresh", {{"urls", {"http://www.a.com/x"}}});
    return accepted.status == 202;
  })) << accepted.body;
  EXPECT_TRUE(node.wait([&] { return node.purges.size() == 1; }));
  const std::string task = "/api/v1/tasks/" + std::to_string(accepted.json()["id"].get<std::uint64_t>());
  EXPECT_TRUE(eventually([&] { return on_second("GET", task).json()["state"] == "complete"; }));
  EXPECT_TRUE(eventually([&] { return first_.get(task).json()["nodes"][0]["state"] == "done"; }));
}

TEST_F(TwoInstances, WhenTheFirstEndsTheSecondLeadsTheNodesOn) {
  const TestControl::World world = first_.make_world(1);
  FakeNode node(first_, first_.join_token(world.nodes[0]));
  node.also_ask(*second_);
  ASSERT_TRUE(node.wait([&] { return node.config->domains.size() == 1; }));
  const Response refused = on_second("GET", "/api/v1/node-states");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("http://127.0.0.1:"), std::string::npos) << "says whom to ask: " << refused.body;

  first_.stop();
  ASSERT_TRUE(eventually([&] { return second_leads(); }));
  ASSERT_TRUE(eventually([&] {
    const json states = on_second("GET", "/api/v1/node-states").json();
    return states.contains("items") && !states["items"].empty() && states["items"][0]["connected"] == true;
  })) << "the node has found the other";
  ASSERT_EQ(on_second("POST", "/api/v1/refresh", {{"urls", {"http://www.a.com/y"}}}).status, 202);
  EXPECT_TRUE(node.wait([&] { return node.purges.size() == 1; }));

  first_.start();  // comes back as the one that does not lead
  EXPECT_TRUE(eventually([&] { return first_.get("/healthz").json()["leader"] == false; }));
}

TEST_F(TwoInstances, AnotherSealKeyIsRefusedAtTheStart) {
  TempFolder elsewhere("yz-elsewhere");
  ControlSettings settings;
  settings.listen = Endpoint{IpAddress::v4(0x7f000001), 0};
  settings.node_listen = "127.0.0.1:0";
  settings.state = elsewhere.path() / "state";
  settings.database = first_.database_url();
  const auto opened = ControlProgram::open(settings);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("another key"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace yz::control
