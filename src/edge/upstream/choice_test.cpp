#include "edge/upstream/choice.h"

#include <map>

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

using namespace std::chrono_literals;
const MonoTime kNow{1h};

std::vector<Peer> four_peers() {
  std::vector<Peer> peers;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    peers.push_back({{i}, {}, i == 4 ? 200U : 100U, std::make_shared<ServerState>(std::to_string(i))});
  }
  return peers;
}

void take_out(ServerState& server, const BreakerRules& rules, MonoTime at = kNow) {
  for (unsigned i = 0; i < rules.fall; ++i) server.breaker.failed(rules, at, false);
}

/// Requests that are under way.
class Load {
 public:
  Load(ServerState& server, int count) : gate_(server.gate), count_(count) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(gate_->enter({1000, 0}, kNow).await_ready());
  }
  ~Load() {
    for (int i = 0; i < count_; ++i) gate_->leave();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

 private:
  std::shared_ptr<Gate> gate_;
  int count_;
};

TEST(ChoosePeers, ANodesDeathMovesOnlyItsOwnShare) {
  const auto healthy = four_peers();
  const auto without_two = four_peers();
  take_out(*without_two[1].state, peer_breaker_rules());
  std::map<std::uint64_t, int> share;
  for (std::uint64_t base = 0; base < 5000; ++base) {
    const auto before = choose_peers(healthy, base * 7919, kNow);
    const auto after = choose_peers(without_two, base * 7919, kNow);
    ASSERT_EQ(before.size(), 2U);
    ++share[before[0]->node.value];
    EXPECT_EQ(after[0]->node, before[0]->node.value == 2 ? before[1]->node : before[0]->node);
  }
  EXPECT_NEAR(share[4], 2000, 200);
  EXPECT_NEAR(share[1], 1000, 200);
}

TEST(ChoosePeers, AnOverloadedNodeChangesPlacesWithItsSecond) {
  const auto peers = four_peers();
  const auto calm = choose_peers(peers, 7919, kNow);
  ServerState& first = *calm[0]->state;
  {
    const Load small(first, 10);
    EXPECT_EQ(choose_peers(peers, 7919, kNow), calm) << "a few requests are no load";
  }
  const Load hot(first, 100);
  const auto spread = choose_peers(peers, 7919, kNow);
  EXPECT_EQ(spread[0], calm[1]);
  EXPECT_EQ(spread[1], calm[0]);
}

TEST(ChoosePeers, LoadThatIsTheSameEverywhereMovesNothing) {
  const auto peers = four_peers();
  const auto calm = choose_peers(peers, 7919, kNow);
  const Load a(*peers[0].state, 100), b(*peers[1].state, 100), c(*peers[2].state, 100), d(*peers[3].state, 200);
  EXPECT_EQ(choose_peers(peers, 7919, kNow), calm);
}

class ChooseOrigins : public ::testing::Test {
 protected:
  ChooseOrigins() {
    group_.origins = {{"a", 80, 3, false, false}, {"b", 80, 1, false, false}, {"c", 80, 1, true, false}};
    for (const auto& origin : group_.origins) state_.servers.push_back(std::make_shared<ServerState>(origin.host));
  }
  std::vector<std::string> order(std::uint64_t draw, MonoTime now = kNow, bool may_probe = true) {
    std::vector<std::string> hosts;
    for (const Candidate& c : choose_origins(group_, state_, draw, may_probe, now)) hosts.push_back(c.origin->host);
    return hosts;
  }
  void take_out(std::size_t index) { edge::take_out(*state_.servers[index], breaker_rules(group_)); }
  std::map<std::string, int> first_of_4000(MonoTime now) {
    std::map<std::string, int> first;
    for (std::uint64_t i = 0; i < 4000; ++i) ++first[order(i * 0x9e3779b97f4a7c15ULL, now)[0]];
    return first;
  }

  model::OriginGroup group_;
  OriginGroupState state_;
};

TEST_F(ChooseOrigins, PrimariesByWeightThenBackups) {
  EXPECT_EQ(order(1).size(), 3U);
  EXPECT_EQ(order(1)[2], "c");
  EXPECT_NEAR(first_of_4000(kNow)["a"], 3000, 200);
}

TEST_F(ChooseOrigins, WhoIsOutIsNotAskedAndNobodyWhenAllAre) {
  take_out(0);
  EXPECT_EQ(order(1), (std::vector<std::string>{"b", "c"}));
  take_out(1);
  EXPECT_EQ(order(1), (std::vector<std::string>{"c"}));
  take_out(2);
  EXPECT_TRUE(order(1).empty());
  EXPECT_EQ(next_return(state_), kNow + group_.open_time);
}

TEST_F(ChooseOrigins, ThePrimaryThatMayReturnIsTriedFirstByWhoMayAskAnother) {
  take_out(0);
  const MonoTime later = kNow + group_.open_time;
  EXPECT_EQ(order(1, later), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(order(1, later, false), (std::vector<std::string>{"b", "c", "a"}));
}

TEST_F(ChooseOrigins, ABackupIsNotProbedWhileAPrimaryServes) {
  take_out(2);
  EXPECT_EQ(order(1, kNow + group_.open_time).back(), "c");
}

TEST_F(ChooseOrigins, WhoReturnsGetsItsShareSlowly) {
  take_out(0);
  for (unsigned i = 0; i < group_.rise; ++i) {
    state_.servers[0]->breaker.succeeded(breaker_rules(group_), kNow + 1s, false);
  }
  const int at_once = first_of_4000(kNow + 1s)["a"];
  const int halfway = first_of_4000(kNow + 6s)["a"];
  EXPECT_NEAR(at_once, 4000 * 0.3 / 1.3, 150);
  EXPECT_NEAR(halfway, 4000 * 1.5 / 2.5, 200);
  EXPECT_NEAR(first_of_4000(kNow + 1min)["a"], 3000, 200);
}

}  // namespace
}  // namespace yz::edge
