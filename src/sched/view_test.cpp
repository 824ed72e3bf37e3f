#include "sched/view.h"

#include <gtest/gtest.h>

#include "model/sample_snapshot.h"

namespace yz::sched {
namespace {

using model::Health;

struct Case {
  const char* name;
  bool has_state;
  bool connected;
  bool ready;
  Health health;
  Unreported unreported;
  Standing expected;
};

class StandingTest : public testing::TestWithParam<Case> {};

TEST_P(StandingTest, FollowsFromStateAndProbe) {
  const Case& c = GetParam();
  const auto config = std::make_shared<const model::ConfigSnapshot>(model::sample_snapshot());
  std::vector<model::NodeState> states;
  if (c.has_state) states.push_back({{1}, c.connected, c.ready, false, {1}, {}, {}, {}});
  const std::vector<NodeSignal> signals = {{{1}, c.health, 1.0, "refused"}};
  const auto view = SchedView::build(config, states, signals, c.unreported);
  EXPECT_EQ(view->find_node({1})->standing, c.expected) << c.name << ": " << view->find_node({1})->reason;
}

constexpr auto kAway = Unreported::kAway;
constexpr auto kReady = Unreported::kReady;

INSTANTIATE_TEST_SUITE_P(
    View, StandingTest,
    testing::Values(Case{"ready", true, true, true, Health::kUnknown, kAway, Standing::kUp},
                    Case{"not ready", true, true, false, Health::kUnknown, kAway, Standing::kDown},
                    Case{"not ready, probe up", true, true, false, Health::kUp, kAway, Standing::kSuspect},
                    Case{"away, unprobed", true, false, false, Health::kUnknown, kAway, Standing::kDown},
                    Case{"away, probe up", true, false, false, Health::kUp, kAway, Standing::kUp},
                    Case{"ready, probe down", true, true, true, Health::kDown, kAway, Standing::kDown},
                    Case{"ready, probe suspect", true, true, true, Health::kSuspect, kAway, Standing::kSuspect},
                    Case{"never joined", false, false, false, Health::kUp, kAway, Standing::kDown},
                    Case{"from a file", false, false, false, Health::kUnknown, kReady, Standing::kUp},
                    Case{"from a file, down", false, false, false, Health::kDown, kReady, Standing::kDown}),
    [](const auto& i) {
      std::string name = i.param.name;
      for (char& c : name) {
        if (c == ' ' || c == ',') c = '_';
      }
      return name;
    });

TEST(View, OperatorsCloseNodes) {
  model::ConfigSnapshot s = model::sample_snapshot();
  model::Node n = *s.nodes.find({1});
  n.draining = true;
  s.put(n, {2});
  n = *s.nodes.find({2});
  n.enabled = false;
  s.put(n, {2});
  const auto view = SchedView::build(std::make_shared<const model::ConfigSnapshot>(s), {}, {}, kReady);
  EXPECT_EQ(view->find_node({1})->standing, Standing::kClosed);
  EXPECT_EQ(view->find_node({2})->standing, Standing::kClosed);
}

TEST(View, HoldsOnlyNodesThatFaceViewers) {
  const auto view =
      SchedView::build(std::make_shared<const model::ConfigSnapshot>(model::sample_snapshot()), {}, {}, kReady);
  EXPECT_EQ(view->nodes().size(), 2u);
  EXPECT_EQ(view->find_node({3}), nullptr);
  EXPECT_EQ(view->find_group({1})->province, geo::Province::kBeijing);
  EXPECT_TRUE(view->find_group({1})->has_isp(geo::Isp::kUnicom));
}

}  // namespace
}  // namespace yz::sched
