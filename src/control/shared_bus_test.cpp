// Two instances of control on one database and one NATS, over TLS: the bus carries what each commits, and its loss
// costs time only.
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"
#include "bus/nats_bus.h"
#include "bus/nats_server_for_test.h"
#include "control/follower.h"
#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::FakeNode;
using test::TestControl;

class SharedBus : public testing::Test {
 protected:
  void SetUp() override {
    auto server = bus::NatsServer::start(bus::NatsServer::Speaks::kTls);
    if (!server && server.error().code == Code::kNotFound) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    nats_ = *std::move(server);
    first_.emplace([this](ControlSettings& settings) { name_bus(settings); });
    token_ = first_->post("/api/v1/tokens", {{"name", "both"}, {"role", "operator"}}).json().value("token", "");
    ASSERT_FALSE(token_.empty());
    second_.emplace([this](ControlSettings& settings) {
      std::filesystem::create_directories(settings.state);
      std::filesystem::copy_file(first_->folder() / "state" / "seal.key", settings.state / "seal.key",
                                 std::filesystem::copy_options::overwrite_existing);
      settings.database = first_->database_url();
      name_bus(settings);
    });
  }
  void name_bus(ControlSettings& settings) const {
    settings.bus = nats_->url();
    settings.bus_tls = nats_->tls();
  }
  bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 1'000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  /// A refresh that the second instance takes, as soon as it knows the domain.
  std::string refresh_on_second(const std::string& path) {
    test::Response accepted;
    EXPECT_TRUE(eventually([&] {
      const json body = {{"urls", {"http://www.a.com" + path}}};
      accepted = second_->call("POST", "/api/v1/refresh", body.dump(), {}, token_);
      return accepted.status == 202;
    })) << accepted.body;
    return "/api/v1/tasks/" + std::to_string(accepted.json()["id"].get<std::uint64_t>());
  }
  bool completes(const std::string& task) {
    return eventually([&] { return first_->get(task).json()["state"] == "complete"; });
  }

  std::unique_ptr<bus::NatsServer> nats_;
  std::optional<TestControl> first_;
  std::optional<TestControl> second_;
  std::string token_;
};

TEST_F(SharedBus, CarriesRefreshesAndSurvivesTheDeathOfItsServer) {
  const TestControl::World world = first_->make_world(1);
  FakeNode node(*first_, first_->join_token(world.nodes[0]));
  const auto bus = bus::NatsBus::open(nats_->url(), nats_->tls());
  ASSERT_TRUE(bus);
  EXPECT_TRUE(completes(refresh_on_second("/by-the-bus")));
  EXPECT_TRUE(eventually([&] { return (*bus)->head(Follower::kPurgeTopic).value_or(bus::Offset{}).value == 1; }));
  EXPECT_TRUE(eventually([&] { return (*bus)->head(Follower::kNewsTopic).value_or(bus::Offset{}).value > 0; }))
      << "changes are announced too";

  nats_->kill();
  const std::string waiting = refresh_on_second("/without-it");
  EXPECT_TRUE(completes(waiting)) << "the database brings it";

  nats_->lose_data();
  ASSERT_TRUE(nats_->restart());
  ASSERT_TRUE(eventually([&] { return (*bus)->head(Follower::kPurgeTopic).has_value(); }));
  EXPECT_TRUE(completes(refresh_on_second("/with-a-new-one")));
  EXPECT_TRUE(node.wait([&] { return node.purges.size() >= 3; }));
  (void)node.wait([&] {
    for (std::size_t i = 0; i < node.purges.size(); ++i) EXPECT_EQ(node.purges[i].seq.value, i + 1) << "each once";
    return true;
  });
}

TEST_F(SharedBus, ControlStartsWithoutItAndIsServedByTheDatabase) {
  first_->stop();
  nats_->kill();
  first_->start();
  EXPECT_TRUE(eventually([&] { return first_->get("/healthz").json()["leader"].is_boolean(); }));
  const auto made = second_->call("POST", "/api/v1/tenants", R"({"name":"t"})", {}, token_);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_TRUE(eventually([&] {
    return first_->get("/healthz").json()["config_seq"] ==
           second_->call("GET", "/healthz", "", {}, token_).json()["config_seq"];
  }));
}

}  // namespace
}  // namespace yz::control
