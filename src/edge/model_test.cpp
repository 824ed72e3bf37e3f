#include <cstdlib>

#include <gtest/gtest.h>

#include "edge/model_play.h"

namespace yz::edge::testing {
namespace {

/// Plays per run; YZ_MODEL_SEEDS=5000 for a long one.
int seeds() {
  const char* const text = std::getenv("YZ_MODEL_SEEDS");
  return text == nullptr ? 300 : std::atoi(text);
}

TEST(Model, TheEdgeAnswersAsTheReferenceDoes) {
  ModelStage stage;
  for (int seed = 1; seed <= seeds(); ++seed) {
    const auto difference = stage.play(Choices(static_cast<std::uint64_t>(seed)), 60);
    ASSERT_FALSE(difference) << "seed " << seed << ":\n" << *difference;
  }
}

}  // namespace
}  // namespace yz::edge::testing
