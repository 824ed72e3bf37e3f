#include "edge/revalidation_backoff.h"

#include <memory>

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RevalidationBackoff, WaitsTwiceAsLongAfterEachFailureUpToHalfAMinute) {
  const auto backoff = std::make_unique<RevalidationBackoff>();
  const Hash128 slot{1, 2};
  MonoTime now{seconds(1'000)};
  EXPECT_FALSE(backoff->is_waiting(slot, now));
  for (const int expected : {1, 2, 4, 8, 16, 30, 30}) {
    backoff->note_failure(slot, now);
    now += seconds(expected) - milliseconds(1);
    EXPECT_TRUE(backoff->is_waiting(slot, now)) << expected;
    now += milliseconds(1);
    EXPECT_FALSE(backoff->is_waiting(slot, now)) << expected;
  }
}

TEST(RevalidationBackoff, ASuccessForgets) {
  const auto backoff = std::make_unique<RevalidationBackoff>();
  const Hash128 slot{1, 2};
  const MonoTime now{seconds(1'000)};
  backoff->note_failure(slot, now);
  backoff->note_failure(slot, now);
  backoff->note_success(slot);
  EXPECT_FALSE(backoff->is_waiting(slot, now));
  backoff->note_failure(slot, now);
  EXPECT_FALSE(backoff->is_waiting(slot, now + RevalidationBackoff::kFirst));
}

TEST(RevalidationBackoff, ObjectsAreKeptApart) {
  const auto backoff = std::make_unique<RevalidationBackoff>();
  const MonoTime now{seconds(1'000)};
  backoff->note_failure(Hash128{1, 2}, now);
  EXPECT_FALSE(backoff->is_waiting(Hash128{3, 2}, now));
  EXPECT_FALSE(backoff->is_waiting(Hash128{1, 3}, now));
}

}  // namespace
}  // namespace yz::edge
