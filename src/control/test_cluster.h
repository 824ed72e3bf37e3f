#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "control/program.h"
#include "model/config_snapshot.h"
#include "model/purge.h"
#include "rpc/node_client.h"

namespace yz::control::test {

struct Response {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

/// The URL of an empty database: SQLite in `file`, or with YZ_TEST_MARIADB set one on a MariaDB server that the tests
/// start themselves.
[[nodiscard]] std::string new_database(const std::filesystem::path& file);

/// A control of its own folder, database and free ports on a thread of its own, and HTTP calls to it.
class TestControl final {
 public:
  /// `adjust` changes the settings before each start.
  explicit TestControl(std::function<void(ControlSettings&)> adjust = {});
  ~TestControl();

  /// Stops and starts again on the same folder; the node port stays the same.
  void restart();
  void stop();
  void start();

  /// One request on a connection of its own. `token` "" means none; "operator" the operator's.
  Response call(const std::string& method, const std::string& path, const std::string& body = "",
                std::vector<std::pair<std::string, std::string>> headers = {}, const std::string& token = "operator");
  Response get(const std::string& path) { return call("GET", path); }
  Response post(const std::string& path, const nlohmann::json& body) { return call("POST", path, body.dump()); }
  /// Creates and gives the id; fails the test when it is not 201.
  std::uint64_t create(const std::string& collection, const nlohmann::json& body);
  /// The events of a stream until `last` (an event's name) or the end: pairs of name and data.
  std::vector<std::pair<std::string, nlohmann::json>> events(const std::string& path, const std::string& last);

  /// A tenant, its origin group, a policy "default" over one L1 group with `nodes` nodes, a domain www.a.com.
  struct World {
    std::uint64_t tenant = 0, origins = 0, group = 0, policy = 0, domain = 0;
    std::vector<std::uint64_t> nodes;
  };
  World make_world(std::size_t nodes);
  std::string tenant_token(std::uint64_t tenant);
  /// The password of the first user, admin@localhost.
  [[nodiscard]] const std::string& admin_password() const { return password_; }
  std::string join_token(std::uint64_t node);
  std::string scheduler_token();

  [[nodiscard]] std::string node_address() const { return "127.0.0.1:" + std::to_string(node_port_); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  /// Its own, whatever `adjust` named: for others to open, too.
  [[nodiscard]] const std::string& database_url() const { return database_; }
  [[nodiscard]] ControlProgram& program() { return *program_; }

 private:
  Response exchange(const std::string& request);

  TempFolder folder_{"yz-control"};
  const std::function<void(ControlSettings&)> adjust_;
  const std::string database_;  ///< URL
  std::unique_ptr<ControlProgram> program_;
  std::thread thread_;
  std::uint16_t node_port_ = 0;
  std::string token_;
  std::string password_;
};

/// An agent without a cache: enrols, connects, remembers what it is told and acknowledges it, or not.
class FakeNode final : public rpc::NodeClientEvents {
 public:
  FakeNode(TestControl& control, const std::string& join_token, rpc::Role role = rpc::Role::kEdge);
  ~FakeNode() override;

  void connect();
  void disconnect();
  /// Connects again, with another instance's address beside the first.
  void also_ask(const TestControl& other);
  /// Waits until `condition()` holds; false after five seconds.
  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), condition);
  }

  // What it has; read under wait().
  model::SnapshotPtr config;
  model::PurgeSeq applied;
  std::vector<model::PurgeRecord> purges;
  std::vector<std::string> order;  ///< "config 3", "states 2", "drain 1", …
  std::vector<model::NodeState> states;
  std::vector<rpc::PrefetchTask> prefetches;  ///< see also asked()
  std::vector<rpc::UsageAck> usage_acks;
  std::vector<rpc::LogAck> log_acks;
  std::map<std::string, std::vector<std::string>> manifests;  ///< what a URL leads to; set before it is asked for
  std::atomic<bool> loads{true};                              ///< answers prefetches
  std::atomic<bool> acks_config{true};
  std::atomic<bool> acks_purges{true};
  std::atomic<bool> refuses_config{false};
  std::atomic<int> resyncs{0};

  void send(rpc::NodeMessage message) { client_->send(std::move(message)); }
  void ack_config();
  /// Answers a prefetch: URLs with "missing" in them are not there.
  void load(const rpc::PrefetchTask& task);
  /// What it was asked to load, in order.
  [[nodiscard]] std::vector<rpc::PrefetchTask> asked();
  [[nodiscard]] std::vector<std::string> asked_urls();
  [[nodiscard]] model::NodeId id() const { return identity_.node; }

  rpc::Hello make_hello() override;
  void on_connected(const rpc::Welcome& welcome) override;
  void on_message(rpc::ControlMessage message) override;
  void on_disconnected(const Error& reason) override;
  void on_refused(const Error& reason, std::chrono::milliseconds retry_in) override;

 private:
  void take_config(model::ConfigSnapshot next);

  std::vector<std::string> controls_;
  const rpc::Role role_;
  rpc::NodeIdentity identity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<rpc::NodeClient> client_;
};

/// A control with a small world, and one node of it that has the configuration.
class OneNodeTest : public testing::Test {
 protected:
  explicit OneNodeTest(std::function<void(ControlSettings&)> adjust = {}) : control_(std::move(adjust)) {}
  void SetUp() override {
    world_ = control_.make_world(1);
    node_ = std::make_unique<FakeNode>(control_, control_.join_token(world_.nodes[0]));
    ASSERT_TRUE(node_->wait([&] { return node_->config->seq.value > 0; }));
  }

  TestControl control_;
  TestControl::World world_;
  std::unique_ptr<FakeNode> node_;
};

}  // namespace yz::control::test
