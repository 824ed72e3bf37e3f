// What must hold when several instances of control work on one database at once.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "store/audit_log.h"
#include "store/config_log.h"
#include "store/idempotency_store.h"
#include "store/join_token_store.h"
#include "store/lease_store.h"
#include "store/origin_store.h"
#include "store/purge_log.h"
#include "store/store_test.h"
#include "store/task_store.h"
#include "store/usage_store.h"

namespace yz::store {
namespace {

constexpr int kThreads = 6;

class ConcurrencyTest : public StoreTest {
 protected:
  /// Runs `body(thread number, its instance's database)` on all threads at once; half of them share a second pool.
  template <typename Body>
  void on_all_threads(Body body) {
    auto other = open_again();
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([&, i] { body(i, i % 2 == 0 ? db() : *other); });
  }
};
YZ_ON_BOTH_ENGINES(ConcurrencyTest);

TEST_P(ConcurrencyTest, PurgeNumbersAreContiguousAndBecomeVisibleInOrder) {
  constexpr int kEach = 15;
  std::atomic<bool> writing = true;
  std::vector<std::uint64_t> seen;
  auto readers_db = open_again();
  std::jthread reader([&] {  // follows the log as a relay does; a number that shows up late would be missed
    for (bool last_round = false; !last_round;) {
      last_round = !writing;
      const std::uint64_t after = seen.empty() ? 0 : seen.back();
      const auto records = readers_db->read([&](Transaction& tx) { return PurgeLog(tx).since({after}, 1000); });
      ASSERT_TRUE(records);
      for (const auto& record : *records) seen.push_back(record.seq.value);
    }
  });
  std::atomic<int> failures = 0;
  std::atomic<std::uint64_t> total = 0;
  on_all_threads([&](int thread, Database& mine) {
    Random random(static_cast<std::uint64_t>(thread));
    for (int n = 0; n < kEach; ++n) {
      std::vector<model::PurgeRecord> records(1 + random.below(4));
      const bool give_up = random.below(5) == 0;
      const auto done = mine.write([&](Transaction& tx) -> Result<int> {
        YZ_CHECK(PurgeLog(tx).append(records));
        if (give_up) return fail(Code::kCancelled, "rolled back");
        return 0;
      });
      if (done)
        total += records.size();
      else
        failures += done.error().code != Code::kCancelled;
    }
  });
  writing = false;
  reader.join();
  EXPECT_EQ(failures, 0);
  ASSERT_EQ(seen.size(), total);
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i + 1);
}

TEST_P(ConcurrencyTest, ConfigurationNumbersAreContiguousAndBecomeVisibleInOrder) {
  add_basics();
  const auto before = read([](Transaction& tx) { return ConfigLog(tx).head(); });
  std::atomic<bool> writing = true;
  std::vector<std::uint64_t> seen;
  auto readers_db = open_again();
  std::jthread reader([&] {
    for (bool last_round = false; !last_round;) {
      last_round = !writing;
      const std::uint64_t after = seen.empty() ? before.value : seen.back();
      const auto records = readers_db->read([&](Transaction& tx) { return ConfigLog(tx).since({after}, 1000); });
      ASSERT_TRUE(records);
      for (const auto& record : *records) seen.push_back(record.seq.value);
    }
  });
  constexpr int kEach = 8;
  std::atomic<int> failures = 0;
  on_all_threads([&](int thread, Database& mine) {
    for (int n = 0; n < kEach; ++n) {
      model::OriginGroup group;
      group.tenant = {1};
      group.name = std::to_string(thread) + "-" + std::to_string(n);
      failures += !mine.write([&](Transaction& tx) { return OriginStore(tx).create(author(), group); });
    }
  });
  writing = false;
  reader.join();
  EXPECT_EQ(failures, 0);
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kThreads * kEach));
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], before.value + i + 1);
  EXPECT_EQ(read([](Transaction& tx) { return ConfigLog(tx).snapshot(); }).origin_groups.size(), 1u + kThreads * kEach);
  EXPECT_FALSE(read([](Transaction& tx) { return AuditLog(tx).verify(); }).first_broken);
}

TEST_P(ConcurrencyTest, OfSeveralUpdatesOfOneVersionOneSucceeds) {
  add_basics();
  std::atomic<int> succeeded = 0;
  std::atomic<int> mismatches = 0;
  on_all_threads([&](int thread, Database& mine) {
    const auto done = mine.write([&](Transaction& tx) -> Result<int> {
      YZ_TRY(auto group, OriginStore(tx).get({1}));
      group.value.host_header = std::to_string(thread);
      YZ_CHECK(OriginStore(tx).update(author(), group.value, 1));
      return 0;
    });
    done ? ++succeeded : mismatches += is_version_mismatch(done.error());
  });
  EXPECT_EQ(succeeded, 1);
  EXPECT_EQ(mismatches, kThreads - 1);
}

TEST_P(ConcurrencyTest, LeadersRaceForTheLeaseAndOneWins) {
  for (int round = 0; round < 4; ++round) {
    std::mutex mutex;
    std::vector<std::string> answers;
    std::atomic<int> failures = 0;
    on_all_threads([&](int thread, Database& mine) {
      const std::string me = "control-" + std::to_string(thread);
      const auto lease = mine.write(
          [&](Transaction& tx) { return LeaseStore(tx).acquire("master", me, std::chrono::seconds(10), now()); });
      if (!lease) return void(++failures);
      const std::lock_guard lock(mutex);
      answers.push_back(lease->holder);
    });
    EXPECT_EQ(failures, 0);
    ASSERT_EQ(answers.size(), static_cast<std::size_t>(kThreads));
    EXPECT_EQ(std::count(answers.begin(), answers.end(), answers[0]), kThreads) << "all were told the same leader";
    advance(std::chrono::seconds(11));
  }
}

TEST_P(ConcurrencyTest, AJoinTokenIsRedeemedByOne) {
  const auto made = write([&](Transaction& tx) {
    return JoinTokenStore(tx).create(author(), {.id = {},
                                                .role = "edge",
                                                .node = {1},
                                                .name = {},
                                                .created = {},
                                                .expires = now() + std::chrono::seconds(60)});
  });
  std::atomic<int> redeemed = 0;
  on_all_threads([&](int, Database& mine) {
    redeemed +=
        mine.write([&](Transaction& tx) { return JoinTokenStore(tx).redeem(made.secret, "x", now()); }).has_value();
  });
  EXPECT_EQ(redeemed, 1);
}

TEST_P(ConcurrencyTest, ABatchSentToAllInstancesAtOnceCountsOnce) {
  std::atomic<int> stored = 0;
  std::atomic<int> failures = 0;
  on_all_threads([&](int thread, Database& mine) {
    for (std::uint64_t number = 1; number <= 5; ++number) {
      model::UsageBatch batch{.node = {1}, .epoch = 7, .number = number, .records = {}};
      for (std::uint64_t domain = 1; domain <= 20; ++domain) {
        batch.records.push_back({.key = {.minute = 100, .domain = {domain}}, .counts = {.requests = 1}});
      }
      if (thread % 2 == 1) std::reverse(batch.records.begin(), batch.records.end());
      const auto fresh = mine.write([&](Transaction& tx) { return UsageStore(tx).ingest(batch, now()); });
      failures += !fresh;
      stored += fresh && *fresh;
    }
  });
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(stored, 5);
  const auto points = read([](Transaction& tx) {
    return UsageStore(tx).totals({.domains = {}, .from_minute = 100, .to_minute = 101, .step = UsageStep::kMinute});
  });
  ASSERT_EQ(points.size(), 20u);
  for (const auto& point : points) EXPECT_EQ(point.counts.requests, 5u);
}

TEST_P(ConcurrencyTest, NodesThatFinishAtOnceFinishTheTask) {
  std::vector<TaskNode> nodes;
  for (std::uint64_t i = 1; i <= kThreads; ++i) nodes.push_back({{i}});
  for (int round = 0; round < 3; ++round) {
    const auto task = write([&](Transaction& tx) -> Result<model::Task> {
      YZ_TRY(const auto records, PurgeLog(tx).append(std::vector<model::PurgeRecord>(1)));
      model::Task fresh;
      fresh.first_seq = fresh.last_seq = records[0].seq;
      return TaskStore(tx).create(author(), fresh, nodes);
    });
    std::atomic<int> failures = 0;
    on_all_threads([&](int thread, Database& mine) {
      const model::NodeId node{static_cast<std::uint64_t>(thread) + 1};
      failures +=
          !mine.write([&](Transaction& tx) { return TaskStore(tx).record_applied(node, task.last_seq, now()); });
    });
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(read([&](Transaction& tx) { return TaskStore(tx).get(task.id); }).state, model::TaskState::kComplete);
  }
}

TEST_P(ConcurrencyTest, OneIdempotencyKeyMeansOneAction) {
  std::atomic<int> acted = 0;
  std::atomic<int> failures = 0;
  on_all_threads([&](int, Database& mine) {
    bool mine_acted = false;
    const auto done = mine.write([&](Transaction& tx) -> Result<std::string> {
      mine_acted = false;
      IdempotencyStore store(tx);
      YZ_TRY(const auto known, store.begin("s", "k", "POST", now()));
      if (known) return known->body;
      mine_acted = true;
      YZ_CHECK(PurgeLog(tx).append(std::vector<model::PurgeRecord>(1)));
      YZ_CHECK(store.finish("s", "k", {.status = 200, .content_type = "text/plain", .body = "done"}));
      return std::string("done");
    });
    failures += !done || *done != "done";
    acted += mine_acted;
  });
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(acted, 1);
  EXPECT_EQ(read([](Transaction& tx) { return PurgeLog(tx).head(); }).value, 1u);
}

}  // namespace
}  // namespace yz::store
