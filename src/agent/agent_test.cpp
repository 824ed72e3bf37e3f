#include <sys/stat.h>

#include "agent/agent_fixture.h"

// The program yz-agent with a real channel to a control and a real edge process, which both stand in for the real ones.

namespace yz::agent {
namespace {

using Lines = std::vector<std::string>;

class AgentTest : public AgentFixture {
 protected:
  AgentTest() : AgentFixture(YZ_AGENT_PROGRAM, YZ_FAKE_EDGE, "{}") {}
  [[nodiscard]] Lines journal() const {
    Lines lines;
    const auto text = read_file(state() / "edge/journal");
    if (!text) return lines;
    for (const auto line : split(*text, '\n')) {
      if (!line.empty()) lines.emplace_back(line);
    }
    return lines;
  }
  [[nodiscard]] long journal_count(const std::string& line) const {
    const Lines lines = journal();
    return std::count(lines.begin(), lines.end(), line);
  }
  /// What the newest edge process was told.
  [[nodiscard]] Lines last_journal() const {
    Lines lines = journal();
    const auto start = std::find(lines.rbegin(), lines.rend(), "start").base();
    return {start, lines.end()};
  }
  [[nodiscard]] bool is_told_ready() const {
    const Lines told = last_journal();
    return !told.empty() && told.back() == "ready true";
  }
};

TEST_F(AgentTest, JoinsConfiguresItsEdgeAndReportsReadyInThatOrder) {
  control.publish_purges(4);
  join_and_wait();
  const Lines told = last_journal();
  const auto at = [&](const std::string& line) { return std::find(told.begin(), told.end(), line) - told.begin(); };
  EXPECT_LT(at("snapshot 3"), at("ready true"));
  EXPECT_LT(at("purge 4"), at("ready true"));
  EXPECT_LT(at("ready true"), static_cast<long>(told.size()));
  EXPECT_TRUE(control.wait_for("config 3"));
  EXPECT_TRUE(eventually([&] { return control.beat().load.requests_per_s == 5; }));
  struct stat info{};
  ASSERT_EQ(::stat((state() / "identity.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AgentTest, AUsedTokenIsRefusedAndTheProgramEnds) {
  join_and_wait();
  stop_agent();
  std::filesystem::remove_all(state());
  start_agent(true);
  const auto status = wait_for_agent();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 1);
  EXPECT_NE(log().find("the join token is unknown or was used"), std::string::npos) << log();
}

TEST_F(AgentTest, ChangesAndPurgesReachTheEdgeAndAreAcknowledged) {
  join_and_wait();
  for (std::uint64_t i = 4; i <= 10; ++i) {
    control.publish_config(i);
    control.publish_purges(1);
  }
  EXPECT_TRUE(control.wait_for("config 10"));
  EXPECT_TRUE(control.wait_for("purged 7"));
  EXPECT_TRUE(control.wait_until_ready());
  EXPECT_EQ(journal_count("purge 7"), 1);
}

TEST_F(AgentTest, ViewersTheEdgeRedirectedAreReported) {
  join_and_wait();
  EXPECT_TRUE(control.wait_for("corrected CN-BJ/unicom from 7 to 9: 2"));
}

TEST_F(AgentTest, ARefusalReachesControlWithTheEdgesReason) {
  join_and_wait();
  model::ConfigSnapshot bad = test_config(3);
  bad.put(test_domain(9, "refused.example"), model::ConfigSeq{4});
  control.publish_config({bad.seq, std::make_shared<const std::string>(model::encode(bad))},
                         {model::ConfigSeq{3}, bad.seq,
                          std::make_shared<const std::string>(model::encode(model::diff(test_config(3), bad)))});
  EXPECT_TRUE(control.wait_for("refused 4: /domains: refused.example is refused"));
  EXPECT_TRUE(control.beat().ready) << "the configuration before serves on";
}

TEST_F(AgentTest, AKilledEdgeIsBackWithItsConfigurationWithinASecond) {
  join_and_wait();
  control.publish_purges(2);
  ASSERT_TRUE(control.wait_for("purged 2"));
  const pid_t before = edge_pid();
  ASSERT_GT(before, 0);
  const auto killed = std::chrono::steady_clock::now();
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return journal_count("start") == 2 && is_told_ready(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - killed, 1s);
  EXPECT_TRUE(control.wait_until_ready());
  EXPECT_NE(edge_pid(), before);
  const Lines told = last_journal();
  EXPECT_NE(std::find(told.begin(), told.end(), "snapshot 3"), told.end());
}

TEST_F(AgentTest, AfterAKillOfTheAgentMissedPurgesAreReplayedBeforeReady) {
  join_and_wait();
  control.publish_purges(2);
  ASSERT_TRUE(control.wait_for("purged 2"));
  kill_agent();
  ASSERT_TRUE(control.wait_until_gone());
  EXPECT_TRUE(eventually([&] { return edge_pid() == 0; })) << "the edge does not outlive its agent";
  control.publish_purges(3);
  control.publish_config(5);
  start_agent();
  ASSERT_TRUE(control.wait_until_ready()) << log();
  const Lines told = last_journal();
  const auto at = [&](const std::string& line) { return std::find(told.begin(), told.end(), line) - told.begin(); };
  EXPECT_LT(at("purge 5"), at("ready true"));
  EXPECT_LT(at("snapshot 5"), at("ready true"));
  EXPECT_LT(at("ready true"), static_cast<long>(told.size()));
  EXPECT_EQ(journal_count("purge 2"), 1);
  EXPECT_EQ(journal_count("purge 3"), 1);
}

TEST_F(AgentTest, AGapPastRetentionMakesTheEdgeRevalidate) {
  join_and_wait();
  control.publish_purges(2);
  ASSERT_TRUE(control.wait_for("purged 2"));
  kill_agent();
  ASSERT_TRUE(control.wait_until_gone());
  control.publish_purges(10);
  control.forget_purges_up_to(9);
  start_agent();
  ASSERT_TRUE(control.wait_until_ready());
  const Lines told = last_journal();
  const auto at = [&](const std::string& line) { return std::find(told.begin(), told.end(), line) - told.begin(); };
  EXPECT_LT(at("resync 9"), at("purge 10"));
  EXPECT_LT(at("purge 12"), at("ready true"));
}

TEST_F(AgentTest, WithoutControlAStartedAgentServesFromDisk) {
  join_and_wait(6);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(state() / "config.snapshot"); }));
  kill_agent();
  control.stop();
  start_agent();
  ASSERT_TRUE(eventually([&] { return journal_count("start") == 2 && is_told_ready(); }));
  const Lines told = last_journal();
  EXPECT_NE(std::find(told.begin(), told.end(), "snapshot 6"), told.end());
  EXPECT_NE(std::find(told.begin(), told.end(), "resync 0"), told.end()) << "nobody knows what was purged meanwhile";
  control.start();
  EXPECT_TRUE(control.wait_until_ready());
}

TEST_F(AgentTest, ARunningEdgeGoesOnWhenControlDiesAndCatchesUpAfterwards) {
  join_and_wait();
  control.stop();
  std::this_thread::sleep_for(800ms);  // past autonomy_after
  EXPECT_TRUE(is_told_ready()) << "control's absence is no reason to stop";
  EXPECT_EQ(journal_count("start"), 1);
  control.publish_purges(2);
  control.publish_config(4);
  control.start();
  EXPECT_TRUE(control.wait_until_ready());
  EXPECT_EQ(journal_count("purge 2"), 1);
}

TEST_F(AgentTest, UsageIsShippedExactlyOnceThroughLostAcknowledgementsAndKills) {
  control.acknowledge_usage(false);
  join_and_wait();
  const auto spool = state() / "edge/usage";
  const auto write = [&](std::uint64_t number) {
    model::UsageBatch batch;
    batch.node = model::NodeId{7};
    batch.epoch = 17;
    batch.number = number;
    batch.records.push_back({{.minute = 5, .domain = model::DomainId{1}}, {.requests = number}});
    ASSERT_TRUE(write_file_atomically(spool / ("17-" + std::to_string(number) + ".usage"), model::encode(batch)));
  };
  for (std::uint64_t i = 1; i <= 5; ++i) write(i);
  ASSERT_TRUE(eventually([&] { return control.usage().size() == 5; }));
  kill_agent();
  control.acknowledge_usage(true);
  write(6);
  start_agent();
  const auto files_left = [&] {
    long left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(spool)) left += entry.path().extension() == ".usage";
    return left;
  };
  EXPECT_TRUE(eventually([&] { return files_left() == 0; }));
  const auto usage = control.usage();
  EXPECT_EQ(usage.size(), 6u);
  EXPECT_EQ(usage.at({17, 1}), 2) << "sent again, for it was not acknowledged; control knows it by its name";
  EXPECT_EQ(usage.at({17, 6}), 1);
}

TEST_F(AgentTest, ADamagedUsageBatchIsPutAsideAndDoesNotHoldUpOthers) {
  join_and_wait();
  const auto spool = state() / "edge/usage";
  ASSERT_TRUE(write_file_atomically(spool / "17-1.usage", "garbage"));
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(spool / "17-1.usage.damaged"); }));
  EXPECT_TRUE(control.usage().empty());
}

TEST_F(AgentTest, PrefetchResultsComeBackPerUrl) {
  join_and_wait();
  control.send(rpc::PrefetchTask{model::TaskId{4}, {"http://d1.example/a", "http://d1.example/b.m3u8"}, true});
  EXPECT_TRUE(control.wait_for("got http://d1.example/a")) << testing::PrintToString(control.heard()) << log();
  EXPECT_TRUE(control.wait_for("found http://d1.example/2.ts in http://d1.example/b.m3u8"));
  EXPECT_TRUE(control.wait_for("got http://d1.example/b.m3u8"));
}

TEST_F(AgentTest, DrainingReachesTheEdgeAndTheHeartbeat) {
  join_and_wait();
  control.send(rpc::SetDrain{true});
  EXPECT_TRUE(eventually([&] { return control.beat().draining; }));
  EXPECT_EQ(journal_count("draining true"), 1);
  ASSERT_EQ(::kill(edge_pid(), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return journal_count("draining true") == 2; })) << "a new process is told, too";
  control.send(rpc::SetDrain{false});
  EXPECT_TRUE(eventually([&] { return !control.beat().draining; }));
}

TEST_F(AgentTest, AHangingEdgeIsReplaced) {
  join_and_wait();
  const pid_t before = edge_pid();
  ASSERT_EQ(::kill(before, SIGSTOP), 0);
  EXPECT_TRUE(eventually([&] { return journal_count("start") == 2; }));
  EXPECT_TRUE(control.wait_until_ready());
  EXPECT_NE(edge_pid(), before);
}

TEST_F(AgentTest, ATermEndsTheEdgeInGoodOrder) {
  join_and_wait();
  signal_agent(SIGTERM);
  const auto status = wait_for_agent();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->is_success()) << log();
  EXPECT_EQ(edge_pid(), 0);
  EXPECT_TRUE(control.wait_until_gone());
}

}  // namespace
}  // namespace yz::agent
