#include <csignal>

#include <gtest/gtest.h>

#include "base/file.h"
#include "cli/cluster/plan.h"
#include "cli/cluster/supervisor.h"
#include "cli/shell.h"

namespace yz::cli {
namespace {

using std::chrono::milliseconds;

TEST(ClusterPlan, IsRememberedAndFoundAgain) {
  const TempFolder folder;
  const auto first = ClusterPlan::load_or_make(folder.path(), 20'000);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = ClusterPlan::load_or_make(folder.path(), 25'000);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->api_port, first->api_port);
  EXPECT_EQ(second->edge_port, first->edge_port);
  EXPECT_EQ(second->api_token, first->api_token);
  EXPECT_EQ(first->nodes.size(), 4u);
}

TEST(ClusterPlan, RemembersItsStoresAndDoesNotChangeThem) {
  const TempFolder folder;
  const auto made = ClusterPlan::load_or_make(folder.path() / "real", 20'000, Stores::kProduction);
  ASSERT_TRUE(made) << made.error().message;
  const auto again = ClusterPlan::load_or_make(folder.path() / "real", 20'000);
  ASSERT_TRUE(again && again->production);
  EXPECT_EQ(again->production->database_password, made->production->database_password);
  EXPECT_EQ(again->controls().size(), 2u);
  EXPECT_NE(again->controls()[0].api_port, again->controls()[1].api_port);
  ASSERT_TRUE(ClusterPlan::load_or_make(folder.path() / "embedded", 20'000));
  const auto changed = ClusterPlan::load_or_make(folder.path() / "embedded", 20'000, Stores::kProduction);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, Code::kConflict);
}

TEST(ClusterPlan, ADamagedOneIsRefusedByName) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "cluster.json", "{\"ports\": {}}"));
  const auto plan = ClusterPlan::load(folder.path());
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("cluster.json"), std::string::npos);
}

TEST(Shell, SaysHowToNameAControl) {
  Shell shell;
  const TempFolder folder;
  shell.state = folder.path() / "none";
  const auto target = shell.target();
  ASSERT_FALSE(target);
  EXPECT_NE(target.error().message.find("--control"), std::string::npos);
  shell.control = "http://127.0.0.1:1", shell.token = "t";
  EXPECT_EQ(shell.target()->url, "http://127.0.0.1:1");
}

io::Task<Status> until(const std::function<bool()>& holds) {
  for (int i = 0; i < 500 && !holds(); ++i) co_await io::sleep_for(milliseconds(10));
  co_return Status();
}

TEST(Supervisor, RestartsWhatEndsAndStopsAll) {
  const TempFolder folder;
  io::Reactor reactor;
  Supervisor programs(reactor);
  ASSERT_TRUE(programs.start({"sleeper", {"/bin/sleep", "60"}, folder.path() / "log"}));
  const pid_t first = programs.pid_of("sleeper");
  ASSERT_GT(first, 0);
  programs.kill("sleeper", SIGKILL, false);
  (void)reactor.block_on(until([&] { return programs.restarts_of("sleeper") == 1; }));
  EXPECT_NE(programs.pid_of("sleeper"), first);
  reactor.block_on(programs.stop_all(milliseconds(2000)));
  EXPECT_EQ(programs.pid_of("sleeper"), 0);
}

TEST(Supervisor, WhatStaysDownReturnsWhenResumed) {
  const TempFolder folder;
  io::Reactor reactor;
  Supervisor programs(reactor);
  ASSERT_TRUE(programs.start({"sleeper", {"/bin/sleep", "60"}, folder.path() / "log"}));
  programs.kill("sleeper", SIGKILL, true);
  (void)reactor.block_on(until([&] { return programs.pid_of("sleeper") == 0; }));
  EXPECT_EQ(programs.restarts_of("sleeper"), 0);
  programs.resume("sleeper");
  (void)reactor.block_on(until([&] { return programs.pid_of("sleeper") != 0; }));
  EXPECT_EQ(programs.restarts_of("sleeper"), 1);
  reactor.block_on(programs.stop_all(milliseconds(2000)));
}

TEST(Supervisor, WhatOthersWriteToEndsAfterThem) {
  const TempFolder folder;
  io::Reactor reactor;
  Supervisor programs(reactor);
  const std::string log = (folder.path() / "order").string();
  const auto script = [&](const std::string& name, const std::string& pause) {
    return std::vector<std::string>{"/bin/sh", "-c",
                                    "trap 'sleep " + pause + "; echo " + name + " >>" + log + "; exit' TERM; touch " +
                                        log + "." + name + "; while :; do sleep 0.01; done"};
  };
  Program store{"store", script("store", "0"), folder.path() / "log"};
  store.ends_last = true;
  ASSERT_TRUE(programs.start(std::move(store)));
  ASSERT_TRUE(programs.start({"writer", script("writer", "0.1"), folder.path() / "log"}));
  (void)reactor.block_on(
      until([&] { return std::filesystem::exists(log + ".store") && std::filesystem::exists(log + ".writer"); }));
  reactor.block_on(programs.stop_all(milliseconds(5000)));
  EXPECT_EQ(*read_file(log), "writer\nstore\n");
}

TEST(Supervisor, AMissingProgramFailsAtOnce) {
  const TempFolder folder;
  io::Reactor reactor;
  Supervisor programs(reactor);
  EXPECT_FALSE(programs.start({"none", {"/no/such/program"}, folder.path() / "log"}));
}

}  // namespace
}  // namespace yz::cli
