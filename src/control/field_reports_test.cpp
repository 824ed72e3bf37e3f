// What nodes and schedulers report from the field: probes, and viewers sent to the wrong node.

#include <gtest/gtest.h>

#include "control/correction_board.h"
#include "control/probe_board.h"
#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::FakeNode;
using test::TestControl;

rpc::Correction correction(std::uint64_t count, std::string client = "CN-BJ/unicom") {
  return {model::DomainId{1}, "", std::move(client), model::NodeId{1}, model::NodeId{2}, count};
}

WallTime at_minute(int minute) { return WallTime{} + std::chrono::minutes(minute); }

TEST(CorrectionBoard, SumsAnHourAndForgetsWhatIsOlder) {
  CorrectionBoard board;
  board.take({correction(5)}, at_minute(100));
  board.take({correction(7), correction(9, "CN-GD/telecom")}, at_minute(130));
  const auto recent = board.recent(at_minute(131));
  ASSERT_EQ(recent.size(), 2U);
  EXPECT_EQ(recent[0].count, 12U) << "most frequent first";
  EXPECT_EQ(recent[1].client_class, "CN-GD/telecom");
  EXPECT_EQ(board.recent(at_minute(165))[0].count, 9U);
  EXPECT_TRUE(board.recent(at_minute(300)).empty());
}

TEST(CorrectionBoard, KeepsABoundedNumberOfKindsAndCountsTheRest) {
  CorrectionBoard board;
  std::vector<rpc::Correction> many;
  for (std::size_t i = 0; i < CorrectionBoard::kMostKindsAMinute + 3; ++i)
    many.push_back(correction(2, std::to_string(i)));
  board.take(many, at_minute(1));
  EXPECT_EQ(board.recent(at_minute(1)).size(), CorrectionBoard::kMostKindsAMinute);
  EXPECT_EQ(board.dropped(), 6U);
}

TEST(ProbeBoard, TheWorstOpinionCountsWhileItsSchedulerIsThere) {
  const model::NodeId node{5};
  const model::NodeId first{100};
  const model::NodeId second{101};
  ProbeBoard board;
  board.take(first, {{node, model::Health::kUp, "", {}}});
  board.take(second, {{node, model::Health::kDown, "refused", {}}});
  EXPECT_EQ(board.worst().at(node).health, model::Health::kDown);
  EXPECT_EQ(board.worst().at(node).reason, "refused");
  board.forget(second);
  EXPECT_EQ(board.worst().at(node).health, model::Health::kUp);
  board.take(first, {});
  EXPECT_TRUE(board.worst().empty());
}

class FieldReports : public testing::Test {
 protected:
  /// Polls until `holds` of what a GET gives.
  template <typename Holds>
  bool becomes(const std::string& path, Holds holds) {
    for (int i = 0; i < 500; ++i) {
      if (holds(control_.get(path).json())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  TestControl control_;
};

TEST_F(FieldReports, WhatSchedulersSeeShowsInNodeStatesAndDecidesInExplain) {
  const TestControl::World world = control_.make_world(2);
  FakeNode node(control_, control_.join_token(world.nodes[0]));
  FakeNode scheduler(control_, control_.scheduler_token(), rpc::Role::kScheduler);
  ASSERT_TRUE(scheduler.wait([&] { return scheduler.config->seq.value > 0; }));
  scheduler.send(rpc::HealthReport{{{node.id(), model::Health::kDown, "connection refused", {}}}});
  EXPECT_TRUE(becomes("/api/v1/node-states", [](const json& states) {
    const json& item = states["items"][0];
    return item.contains("probe") && item["probe"]["health"] == "down" &&
           item["probe"]["reason"] == "connection refused" && !states["items"][1].contains("probe");
  }));
  const json explained = control_.get("/api/v1/explain?name=www.a.com&address=1.2.3.4").json();
  EXPECT_NE(explained["text"].get<std::string>().find("connection refused"), std::string::npos) << explained;
  scheduler.disconnect();
  EXPECT_TRUE(becomes("/api/v1/node-states", [](const json& states) { return !states["items"][0].contains("probe"); }));
}

TEST_F(FieldReports, RedirectedViewersAreListedUnderTheNodeThatReportedThem) {
  const TestControl::World world = control_.make_world(2);
  FakeNode node(control_, control_.join_token(world.nodes[0]));
  ASSERT_TRUE(node.wait([&] { return node.config->seq.value > 0; }));
  rpc::Correction wrong = correction(3);
  wrong.domain = model::DomainId{world.domain};
  wrong.from = model::NodeId{world.nodes[1]};  // a node speaks for itself alone
  wrong.to = model::NodeId{world.nodes[1]};
  node.send(rpc::CorrectionReport{{wrong}});
  EXPECT_TRUE(becomes("/api/v1/corrections", [&](const json& list) {
    if (list["items"].size() != 1) return false;
    const json& item = list["items"][0];
    return item["from"] == world.nodes[0] && item["to"] == world.nodes[1] && item["count"] == 3 &&
           item["client_class"] == "CN-BJ/unicom" && item["domain_name"] == "www.a.com";
  }));
}

}  // namespace
}  // namespace yz::control
