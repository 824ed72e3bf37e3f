#include "control/answer_count.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace yz::control {
namespace {

using model::ConfigSeq;
using model::NodeId;

TEST(AnswerCount, NobodyHoldsAnythingUp) { EXPECT_TRUE(AnswerCount().all_reached(ConfigSeq{9})); }

TEST(AnswerCount, KnowsWhatLookingThroughAllWouldFind) {
  Random random(3);
  AnswerCount count;
  std::map<NodeId, ConfigSeq> all;
  for (int i = 0; i < 5'000; ++i) {
    const NodeId node{random.below(20)};
    if (random.below(5) == 0) {
      count.erase(node);
      all.erase(node);
    } else {
      const ConfigSeq seq{random.below(30)};
      count.set(node, seq);
      all[node] = seq;
    }
    const ConfigSeq asked{random.below(30)};
    bool expected = true;
    for (const auto& [id, seq] : all) expected = expected && seq >= asked;
    ASSERT_EQ(count.all_reached(asked), expected);
  }
  count.clear();
  EXPECT_TRUE(count.all_reached(ConfigSeq{30}));
}

}  // namespace
}  // namespace yz::control
