#include "edge/usage_ledger.h"

#include <csignal>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "model/codec.h"

namespace yz::edge {
namespace {

namespace fs = std::filesystem;

UsageLedger::Options options_in(const TempFolder& folder, unsigned workers = 2) {
  return {.file = folder.path() / "usage.ledger",
          .spool = folder.path() / "spool",
          .node = model::NodeId{7},
          .workers = workers};
}

model::UsageKey key_of(std::uint64_t domain, std::uint32_t minute = 100) {
  model::UsageKey key;
  key.domain = model::DomainId{domain};
  key.minute = minute;
  key.status_class = 2;
  key.cache_result = model::CacheResult::kHit;
  return key;
}

/// Takes the spooled files away and stores each (epoch, number) once, as control does.
class Receiver {
 public:
  explicit Receiver(fs::path spool) : spool_(std::move(spool)) {}
  void take() {
    for (const auto& entry : fs::directory_iterator(spool_)) {
      if (entry.path().extension() != ".usage") continue;
      const auto bytes = read_file(entry.path());
      ASSERT_TRUE(bytes);
      const auto batch = model::decode_usage_batch(*bytes);
      ASSERT_TRUE(batch);
      EXPECT_EQ(entry.path().filename().native(),
                std::to_string(batch->epoch) + "-" + std::to_string(batch->number) + ".usage");
      fs::remove(entry.path());
      if (!seen_.emplace(batch->epoch, batch->number).second) continue;
      for (const model::UsageRecord& record : batch->records) sums_[record.key] += record.counts;
    }
  }
  [[nodiscard]] model::UsageCounts total() const {
    model::UsageCounts all;
    for (const auto& [key, counts] : sums_) all += counts;
    return all;
  }
  [[nodiscard]] const std::map<model::UsageKey, model::UsageCounts>& sums() const { return sums_; }
  [[nodiscard]] std::size_t batches() const { return seen_.size(); }

 private:
  fs::path spool_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
  std::map<model::UsageKey, model::UsageCounts> sums_;
};

TEST(UsageLedger, SumsByKeyOverWorkersAndFlushes) {
  const TempFolder folder;
  Receiver receiver(folder.path() / "spool");
  {
    const auto ledger = *UsageLedger::open(options_in(folder));
    EXPECT_FALSE(*ledger->flush());
    ledger->add(0, key_of(1), {.requests = 1, .bytes_out = 10, .duration_us = 3});
    ledger->add(1, key_of(1), {.requests = 1, .bytes_out = 20, .origin_bytes = 5});
    ledger->add(1, key_of(2), {.requests = 1, .bytes_in = 7});
    EXPECT_TRUE(*ledger->flush());
    EXPECT_FALSE(*ledger->flush());
    EXPECT_EQ(ledger->next_number(), 2U);
    ledger->add(0, key_of(1), {.requests = 1, .bytes_out = 30});
  }
  receiver.take();
  EXPECT_EQ(receiver.batches(), 2U);
  ASSERT_EQ(receiver.sums().size(), 2U);
  EXPECT_EQ(receiver.sums().at(key_of(1)),
            (model::UsageCounts{.requests = 3, .bytes_out = 60, .origin_bytes = 5, .duration_us = 3}));
  EXPECT_EQ(receiver.sums().at(key_of(2)).bytes_in, 7U);
}

TEST(UsageLedger, EveryPartOfAKeyComesBack) {
  const TempFolder folder;
  Receiver receiver(folder.path() / "spool");
  model::UsageKey key{UINT32_MAX,
                      {UINT64_MAX},
                      model::Tier::kL2,
                      5,
                      model::CacheResult::kBypass,
                      model::Protocol::kHttp3,
                      true,
                      'Z' << 8 | 'Z',
                      34,
                      9};
  model::UsageKey small;
  small.country = 'A' << 8 | 'A';
  {
    const auto ledger = *UsageLedger::open(options_in(folder));
    ledger->add(0, key, {.requests = 1});
    ledger->add(0, small, {.requests = 2});
  }
  receiver.take();
  ASSERT_EQ(receiver.sums().size(), 2U);
  EXPECT_EQ(receiver.sums().at(key).requests, 1U);
  EXPECT_EQ(receiver.sums().at(small).requests, 2U);
}

TEST(UsageLedger, BatchesCoverTheTimeWithoutAGapAndIdleMinutesToo) {
  const TempFolder folder;
  ManualClock clock;
  auto options = options_in(folder);
  options.clock = &clock;
  const WallTime begun = clock.wall();
  {
    const auto ledger = *UsageLedger::open(options);
    clock.advance(std::chrono::seconds(1));
    ledger->add(0, key_of(1), {.requests = 1});
    EXPECT_TRUE(*ledger->flush());
    clock.advance(std::chrono::seconds(59));
    EXPECT_FALSE(*ledger->flush());
    clock.advance(std::chrono::seconds(1));
    EXPECT_TRUE(*ledger->flush()) << "a batch without records";
  }
  clock.advance(std::chrono::hours(1));
  const auto ledger = *UsageLedger::open(options);
  EXPECT_TRUE(*ledger->flush()) << "while it was down nothing was served";
  std::vector<model::UsageBatch> batches;
  for (std::uint64_t n = 1; n <= 3; ++n) {
    batches.push_back(*model::decode_usage_batch(
        *read_file(options.spool / (std::to_string(ledger->epoch()) + "-" + std::to_string(n) + ".usage"))));
  }
  EXPECT_EQ(batches[0].covers_from, begun);
  EXPECT_EQ(batches[0].covers_until, begun + std::chrono::seconds(1));
  EXPECT_EQ(batches[1].covers_from, batches[0].covers_until);
  EXPECT_TRUE(batches[1].records.empty());
  EXPECT_EQ(batches[2].covers_from, batches[1].covers_until);
  EXPECT_EQ(batches[2].covers_until, clock.wall());
}

TEST(UsageLedger, TheEpochStaysAndNumbersGoOnOverRestarts) {
  const TempFolder folder;
  std::uint64_t epoch = 0;
  for (std::uint64_t round = 1; round <= 3; ++round) {
    const auto ledger = *UsageLedger::open(options_in(folder, static_cast<unsigned>(round)));  // also with more workers
    if (epoch == 0) epoch = ledger->epoch();
    EXPECT_EQ(ledger->epoch(), epoch);
    EXPECT_EQ(ledger->next_number(), round);
    ledger->add(0, key_of(1), {.requests = 1});
  }
}

TEST(UsageLedger, TwoProcessesDoNotShareAFile) {
  const TempFolder folder;
  const auto first = *UsageLedger::open(options_in(folder));
  EXPECT_EQ(UsageLedger::open(options_in(folder)).error().code, Code::kUnavailable);
}

TEST(UsageLedger, MoreKeysThanCellsAreStillCounted) {
  const TempFolder folder;
  auto options = options_in(folder);
  options.cells = 64;
  Receiver receiver(options.spool);
  {
    const auto ledger = *UsageLedger::open(options);
    for (std::uint64_t domain = 1; domain <= 1000; ++domain) ledger->add(0, key_of(domain), {.requests = domain});
    ASSERT_TRUE(*ledger->flush());
    receiver.take();
    EXPECT_EQ(receiver.total().requests, 500'500U);
    ledger->add(0, key_of(1), {.requests = 1});
  }
  receiver.take();
  EXPECT_EQ(receiver.total().requests, 500'501U);
  EXPECT_EQ(receiver.sums().size(), 1000U);
}

TEST(UsageLedger, TablesGrowAndShrinkBack) {
  const TempFolder folder;
  Receiver receiver(folder.path() / "spool");
  const auto ledger = *UsageLedger::open(options_in(folder));
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t domain = 1; domain <= 20'000; ++domain) ledger->add(0, key_of(domain), {.requests = 1});
    ASSERT_TRUE(*ledger->flush());
  }
  receiver.take();
  EXPECT_EQ(receiver.total().requests, 60'000U);
  EXPECT_EQ(receiver.sums().size(), 20'000U);
}

TEST(UsageLedger, AForeignFileIsSetAside) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "usage.ledger", std::string(100'000, 'x')));
  const auto ledger = UsageLedger::open(options_in(folder));
  ASSERT_TRUE(ledger);
  EXPECT_TRUE(fs::exists(folder.path() / "usage.ledger.unreadable"));
}

TEST(UsageLedger, CountsStayWhenTheSpoolCannotBeWritten) {
  const TempFolder folder;
  auto options = options_in(folder);
  Receiver receiver(options.spool);
  {
    const auto ledger = *UsageLedger::open(options);
    ledger->add(0, key_of(1), {.requests = 1});
    fs::remove(options.spool);
    EXPECT_FALSE(ledger->flush());
    ledger->add(0, key_of(1), {.requests = 1});
    EXPECT_FALSE(ledger->flush());
    ASSERT_TRUE(make_folder(options.spool));
    EXPECT_TRUE(*ledger->flush());
    EXPECT_TRUE(*ledger->flush());
    EXPECT_FALSE(*ledger->flush());
  }
  receiver.take();
  EXPECT_EQ(receiver.total().requests, 2U);
}

TEST(UsageLedger, AddingAndFlushingAtOnceLosesNothing) {
  const TempFolder folder;
  Receiver receiver(folder.path() / "spool");
  constexpr std::uint64_t kEach = 20'000;
  {
    const auto ledger = *UsageLedger::open(options_in(folder));
    std::atomic<int> running{2};
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < 2; ++worker) {
      threads.emplace_back([&, worker] {
        for (std::uint64_t i = 0; i < kEach; ++i) ledger->add(worker, key_of(i % 13), {.requests = 1, .bytes_out = 5});
        running.fetch_sub(1);
      });
    }
    while (running.load() > 0) ASSERT_TRUE(ledger->flush());
    for (auto& thread : threads) thread.join();
  }
  receiver.take();
  EXPECT_EQ(receiver.total().requests, 2 * kEach);
  EXPECT_EQ(receiver.total().bytes_out, 10 * kEach);
}

/// What the killed process is known to have finished, shared with the one that kills it.
struct Progress {
  std::atomic<std::uint64_t> finished[2];
};

[[noreturn]] void add_until_killed(const UsageLedger::Options& options, Progress& progress) {
  auto opened = UsageLedger::open(options);
  if (!opened) ::_exit(1);
  UsageLedger& ledger = **opened;
  std::thread other([&] {
    for (std::uint64_t i = 0;; ++i) {
      ledger.add(1, key_of(i % 11, 200), {.requests = 1, .bytes_out = 1000, .bytes_in = 7, .duration_us = 3});
      progress.finished[1].fetch_add(1);
    }
  });
  std::thread flusher([&] {
    for (;;) (void)ledger.flush();
  });
  for (std::uint64_t i = 0;; ++i) {
    ledger.add(0, key_of(i % 5, 300), {.requests = 1, .bytes_out = 1000, .bytes_in = 7, .duration_us = 3});
    progress.finished[0].fetch_add(1);
  }
}

TEST(UsageLedger, KillNineLosesAndDoublesNothing) {
  const TempFolder folder;
  const auto options = options_in(folder);
  Receiver receiver(options.spool);
  ASSERT_TRUE(make_folder(options.spool));
  auto* const progress = static_cast<Progress*>(
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(progress, MAP_FAILED);
  Random random(42);
  std::uint64_t before = 0;
  for (int round = 0; round < 25; ++round) {
    progress->finished[0].store(0);
    progress->finished[1].store(0);
    const pid_t child = ::fork();
    if (child == 0) add_until_killed(options, *progress);
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(2'000 + random.below(25'000));
    // Meanwhile files are taken away, as the agent does.
    while (std::chrono::steady_clock::now() < until) receiver.take();
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_TRUE(UsageLedger::open(options));  // spools what was left, and closes
    receiver.take();
    const model::UsageCounts total = receiver.total();
    const std::uint64_t finished = progress->finished[0].load() + progress->finished[1].load();
    // Each of the two may have been killed between counting and saying so.
    EXPECT_GE(total.requests, before + finished);
    EXPECT_LE(total.requests, before + finished + 2);
    EXPECT_EQ(total.bytes_out, 1000 * total.requests);
    EXPECT_EQ(total.bytes_in, 7 * total.requests);
    EXPECT_EQ(total.duration_us, 3 * total.requests);
    before = total.requests;
  }
  EXPECT_GT(before, 1'000U);
  ::munmap(progress, sizeof(Progress));
}

}  // namespace
}  // namespace yz::edge
