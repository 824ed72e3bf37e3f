#include "gslb/health_book.h"

#include <gtest/gtest.h>

namespace yz::gslb {
namespace {

using model::Health;
using model::NodeId;
using std::chrono::milliseconds;

class HealthBookTest : public ::testing::Test {
 protected:
  bool ok(std::uint64_t node) { return book_.record_success({node}, clock_.mono(), clock_.wall()); }
  bool bad(std::uint64_t node) { return book_.record_failure({node}, "refused", clock_.mono(), clock_.wall()); }
  bool tick() { return book_.tick(clock_.mono(), clock_.wall()); }
  double share(std::uint64_t node) {
    for (const auto& signal : book_.signals(clock_.mono())) {
      if (signal.node == NodeId{node}) return signal.share;
    }
    return -1;
  }
  ManualClock clock_;
  HealthBook book_;
};

TEST_F(HealthBookTest, FallsAfterTwoAndRisesAfterThree) {
  EXPECT_TRUE(ok(1));
  EXPECT_EQ(book_.health_of({1}), Health::kUp);
  EXPECT_TRUE(bad(1));
  EXPECT_EQ(book_.health_of({1}), Health::kSuspect);
  EXPECT_TRUE(bad(1));
  EXPECT_EQ(book_.health_of({1}), Health::kDown);
  EXPECT_FALSE(ok(1));
  EXPECT_FALSE(ok(1));
  EXPECT_FALSE(bad(1)) << "not in a row";
  EXPECT_FALSE(ok(1));
  EXPECT_FALSE(ok(1));
  EXPECT_TRUE(ok(1));
  EXPECT_EQ(book_.health_of({1}), Health::kUp);
}

TEST_F(HealthBookTest, OneLostProbeMakesSuspectOnly) {
  (void)ok(1);
  for (int i = 0; i < 20; ++i) {
    (void)bad(1);
    EXPECT_EQ(book_.health_of({1}), Health::kSuspect);
    (void)ok(1);
    EXPECT_EQ(book_.health_of({1}), Health::kUp);
  }
}

TEST_F(HealthBookTest, ANodeThatNeverAnsweredFallsToo) {
  (void)bad(7);
  (void)bad(7);
  EXPECT_EQ(book_.health_of({7}), Health::kDown);
}

TEST_F(HealthBookTest, WeightComesBackInSteps) {
  (void)ok(1);
  EXPECT_DOUBLE_EQ(share(1), 1.0) << "the first success is no recovery";
  (void)bad(1), (void)bad(1);
  for (int i = 0; i < 3; ++i) (void)ok(1);
  EXPECT_DOUBLE_EQ(share(1), 0.1);
  clock_.advance(milliseconds(15'000));
  EXPECT_TRUE(tick());
  EXPECT_DOUBLE_EQ(share(1), 0.55);
  EXPECT_FALSE(tick()) << "nothing changed meanwhile";
  clock_.advance(milliseconds(15'000));
  EXPECT_TRUE(tick());
  EXPECT_DOUBLE_EQ(share(1), 1.0);
}

TEST_F(HealthBookTest, AMassLossIsNotBelievedWhileNobodyAnswers) {
  for (std::uint64_t id = 1; id <= 10; ++id) (void)ok(id);
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t id = 1; id <= 10; ++id) (void)bad(id);
  }
  EXPECT_TRUE(book_.is_blind());
  for (std::uint64_t id = 1; id <= 10; ++id) EXPECT_EQ(book_.health_of({id}), Health::kSuspect) << id;
  clock_.advance(milliseconds(60'000));
  (void)tick();
  EXPECT_EQ(book_.health_of({1}), Health::kSuspect) << "still nobody answers: still blind";
  // Sight returns, six of them were really dead.
  for (std::uint64_t id = 1; id <= 4; ++id) (void)ok(id);
  EXPECT_TRUE(tick());
  EXPECT_FALSE(book_.is_blind());
  EXPECT_EQ(book_.health_of({1}), Health::kUp);
  EXPECT_EQ(book_.health_of({9}), Health::kDown);
}

TEST_F(HealthBookTest, FewLossesAreBelievedAtOnce) {
  for (std::uint64_t id = 1; id <= 10; ++id) (void)ok(id);
  for (std::uint64_t id = 1; id <= 3; ++id) (void)bad(id), (void)bad(id);
  EXPECT_FALSE(book_.is_blind());
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(book_.health_of({id}), Health::kDown);
}

}  // namespace
}  // namespace yz::gslb
