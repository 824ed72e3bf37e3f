#include "cache/purge_log.h"

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cache/testing.h"

namespace yz::cache {
namespace {

constexpr std::string_view kHost = "www.a.com";

std::unique_ptr<Cache> open_cache(PurgeLog::Options purge = {}) {
  CacheOptions options;
  options.memory = mib(8);
  options.purge = std::move(purge);
  return *Cache::open(std::move(options));
}

PurgeRecord record(std::uint64_t seq, PurgeKind kind, std::uint64_t id, bool is_hard = true) {
  return {Seq{seq}, kind, is_hard, id};
}

std::size_t present(Cache& cache) {
  std::size_t count = 0;
  for (const char* target : {"/", "/a/x", "/a/b/y", "/ab/z", "/a/b/?q=/c/"})
    count += find(cache, kHost, target) ? 1 : 0;
  return count;
}

void fill_in(Cache& cache) {
  for (const char* target : {"/", "/a/x", "/a/b/y", "/ab/z", "/a/b/?q=/c/"}) {
    SampleResponse response = sample(target);
    response.born = cache.purges().latest();
    response.tags = {tag_id(kHost, target[1] == 'a' ? "news" : "home")};
    ASSERT_TRUE(cache.store(response.meta(), "x"));
  }
  ASSERT_EQ(present(cache), 5U);
}

TEST(PurgeLog, EachKindHitsWhatItNamesAndNothingElse) {
  struct Case {
    PurgeKind kind;
    std::uint64_t id;
    std::size_t left;
  };
  const Case cases[] = {
      {PurgeKind::kUrl, base_id(kHost, "/a/x").value, 4},
      {PurgeKind::kUrl, base_id(kHost, "/a/none").value, 5},
      {PurgeKind::kUrl, base_id("www.b.com", "/a/x").value, 5},
      {PurgeKind::kDirectory, directory_id(kHost, "/"), 0},
      {PurgeKind::kDirectory, directory_id(kHost, "/a/"), 2},  // not /ab/z
      {PurgeKind::kDirectory, directory_id(kHost, "/a/b/"), 3},
      {PurgeKind::kDirectory, directory_id(kHost, "/c/"), 5},  // a slash in the query is none of the path
      {PurgeKind::kDirectory, directory_id("www.b.com", "/"), 5},
      {PurgeKind::kTag, tag_id(kHost, "news"), 1},
      {PurgeKind::kTag, tag_id("www.b.com", "news"), 5},
      {PurgeKind::kHost, host_id(kHost), 0},
      {PurgeKind::kHost, host_id("www.b.com"), 5},
      {PurgeKind::kAll, 0, 0},
      {PurgeKind::kMark, 0, 5},
  };
  for (const Case& one : cases) {
    const auto cache = open_cache();
    fill_in(*cache);
    ASSERT_EQ(cache->purges().apply_next(one.kind, one.id, true)->value, 1U);
    EXPECT_EQ(present(*cache), one.left) << static_cast<int>(one.kind);
    fill_in(*cache);  // what is born after lives
    EXPECT_EQ(present(*cache), 5U);
  }
}

TEST(PurgeLog, AllVariantsOfAUrlDieByOneRecord) {
  const auto cache = open_cache();
  const auto ask = [&](std::string_view value) {
    return cache->lookup(primary_key(kHost, "/v"), [&](std::string_view) { return variant_with({}, "a", value); })
        .object;
  };
  for (const char* value : {"1", "2", "3"}) {
    SampleResponse response = sample("/v");
    response.vary = "a";
    response.variant = variant_with({}, "a", value);
    ASSERT_TRUE(cache->store(response.meta(), value));
  }
  ASSERT_TRUE(ask("1") && ask("2") && ask("3"));
  ASSERT_TRUE(cache->purges().apply_next(PurgeKind::kUrl, base_id(kHost, "/v").value, true));
  EXPECT_FALSE(ask("1") || ask("2") || ask("3"));
}

TEST(PurgeLog, ASoftPurgeMakesStale) {
  const auto cache = open_cache();
  fill_in(*cache);
  EXPECT_FALSE(find(*cache, kHost, "/a/x")->is_soft_purged());
  ASSERT_TRUE(cache->purges().apply_next(PurgeKind::kDirectory, directory_id(kHost, "/a/"), false));
  EXPECT_TRUE(find(*cache, kHost, "/a/x")->is_soft_purged());
  EXPECT_FALSE(find(*cache, kHost, "/ab/z")->is_soft_purged());
  ASSERT_TRUE(cache->purges().apply_next(PurgeKind::kMark, 0, true));
  EXPECT_TRUE(find(*cache, kHost, "/a/x")->is_soft_purged());  // still, after a later record of another kind
}

TEST(PurgeLog, RecordsApplyOnceAndWithoutGaps) {
  const auto log = *PurgeLog::open({});
  const PurgeRecord first[] = {record(1, PurgeKind::kAll, 0), record(2, PurgeKind::kAll, 0)};
  EXPECT_EQ(log->apply(first)->value, 2U);
  EXPECT_EQ(log->apply(first)->value, 2U);
  const PurgeRecord gap[] = {record(3, PurgeKind::kAll, 0), record(5, PurgeKind::kAll, 0)};
  EXPECT_EQ(log->apply(gap).error().code, Code::kConflict);
  EXPECT_EQ(log->applied().value, 3U);
  EXPECT_EQ(log->resync(Seq{10})->value, 10U);
  EXPECT_EQ(log->verdict(Seq{9}, BaseId{1}, kHost, "/", {}), PurgeVerdict::kStale);
  EXPECT_EQ(log->verdict(Seq{10}, BaseId{1}, kHost, "/", {}), PurgeVerdict::kLive);
}

TEST(PurgeLog, SurvivesARestart) {
  const TempFolder folder;
  PurgeLog::Options options{.file = folder.path() / "state" / "purge.log"};
  {
    const auto log = *PurgeLog::open(options);
    ASSERT_TRUE(log->apply_next(PurgeKind::kUrl, 42, true));
    ASSERT_TRUE(log->apply_next(PurgeKind::kTag, 43, false));
  }
  const auto log = *PurgeLog::open(options);
  EXPECT_EQ(log->applied().value, 2U);
  EXPECT_EQ(log->verdict(Seq{0}, BaseId{42}, kHost, "/", {}), PurgeVerdict::kDead);
  const std::uint32_t tag = 43;
  EXPECT_EQ(log->verdict(Seq{1}, BaseId{42}, kHost, "/", {&tag, 1}), PurgeVerdict::kStale);
  EXPECT_EQ(log->verdict(Seq{2}, BaseId{42}, kHost, "/", {&tag, 1}), PurgeVerdict::kLive);
}

TEST(PurgeLog, ATornTailIsCutOffAtEveryByte) {
  const TempFolder folder;
  const auto file = folder.path() / "purge.log";
  std::string bytes = encode_purge_header();
  for (std::uint64_t seq = 1; seq <= 3; ++seq) append_purge_record(bytes, record(seq, PurgeKind::kUrl, seq));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    ASSERT_TRUE(write_file_atomically(file, bytes.substr(0, size)));
    const auto log = PurgeLog::open({.file = file});
    ASSERT_TRUE(log) << size;
    const std::uint64_t whole = size < kPurgeHeaderSize ? 0 : (size - kPurgeHeaderSize) / kPurgeRecordSize;
    EXPECT_EQ((*log)->applied().value, whole);
    ASSERT_TRUE((*log)->apply_next(PurgeKind::kUrl, 99, true));
    EXPECT_EQ((*PurgeLog::open({.file = file}))->applied().value, whole + 1);
  }
}

TEST(PurgeLog, DamageInTheMiddleIsAskedForAgain) {
  std::string bytes = encode_purge_header();
  for (std::uint64_t seq = 1; seq <= 5; ++seq) append_purge_record(bytes, record(seq, PurgeKind::kUrl, seq));
  bytes[kPurgeHeaderSize + 2 * kPurgeRecordSize + 9] ^= 1;
  const auto decoded = decode_purge_file(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->is_damaged);
  EXPECT_EQ(decoded->records.size(), 2U);
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "p", bytes));
  EXPECT_EQ((*PurgeLog::open({.file = folder.path() / "p"}))->applied().value, 2U);
}

TEST(PurgeLog, AForeignFileIsRefusedAndLeftAlone) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "p", "something else entirely, of some length"));
  EXPECT_EQ(PurgeLog::open({.file = folder.path() / "p"}).error().code, Code::kCorrupt);
  EXPECT_EQ(*read_file(folder.path() / "p"), "something else entirely, of some length");
}

TEST(PurgeLog, CompactionKeepsTheLastOfEachTarget) {
  const TempFolder folder;
  PurgeLog::Options options{.file = folder.path() / "p", .compact_above = 100};
  {
    const auto log = *PurgeLog::open(options);
    for (int i = 0; i < 300; ++i)
      ASSERT_TRUE(log->apply_next(PurgeKind::kUrl, static_cast<std::uint64_t>(i % 7), true));
    EXPECT_LT(log->file_records(), 200U);
  }
  const auto log = *PurgeLog::open(options);
  EXPECT_EQ(log->applied().value, 300U);
  EXPECT_EQ(log->targets(), 7U);
  EXPECT_EQ(log->verdict(Seq{293}, BaseId{299 % 7}, kHost, "/", {}), PurgeVerdict::kDead);
  EXPECT_EQ(log->verdict(Seq{300}, BaseId{299 % 7}, kHost, "/", {}), PurgeVerdict::kLive);
}

TEST(PurgeLog, BeyondItsTargetsTheOlderHalfTurnsIntoStaleBefore) {
  const auto log = *PurgeLog::open({.max_targets = 100});
  for (std::uint64_t i = 1; i <= 101; ++i) ASSERT_TRUE(log->apply_next(PurgeKind::kUrl, i, true));
  EXPECT_LT(log->targets(), 60U);
  EXPECT_EQ(log->verdict(Seq{0}, BaseId{1}, kHost, "/", {}), PurgeVerdict::kStale);
  EXPECT_EQ(log->verdict(Seq{0}, BaseId{101}, kHost, "/", {}), PurgeVerdict::kDead);
  EXPECT_EQ(log->verdict(Seq{101}, BaseId{1}, kHost, "/", {}), PurgeVerdict::kLive);
}

TEST(PurgeLog, AFailingDiskDoesNotAcknowledge) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here: mknod -m 666 /dev/full c 1 7";
  const TempFolder folder;
  ::signal(SIGXFSZ, SIG_IGN);
  const pid_t child = ::fork();
  if (child == 0) {
    // In a process of its own: a limit on file size stands for a full disk.
    const auto log = PurgeLog::open({.file = folder.path() / "p"});
    const rlimit small{60, 60};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const bool first = (*log)->apply_next(PurgeKind::kUrl, 1, true).has_value();
    const auto second = (*log)->apply_next(PurgeKind::kUrl, 2, true);
    const bool is_effective = (*log)->verdict(Seq{0}, BaseId{2}, kHost, "/", {}) == PurgeVerdict::kDead;
    ::_exit(first && !second && is_effective && (*log)->applied().value == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ((*PurgeLog::open({.file = folder.path() / "p"}))->applied().value, 1U);
}

TEST(PurgeLog, WhatWasAcknowledgedSurvivesAKill) {
  const TempFolder folder;
  int acks[2];
  ASSERT_EQ(::pipe(acks), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto log = PurgeLog::open({.file = folder.path() / "p", .compact_above = 16});
    for (std::uint64_t i = 1;; ++i) {
      const auto applied = (*log)->apply_next(PurgeKind::kUrl, i % 5, true);
      if (!applied || ::write(acks[1], &applied->value, 8) != 8) ::_exit(1);
    }
  }
  ::close(acks[1]);
  std::uint64_t last = 0;
  std::uint64_t got = 0;
  while (last < 60 && ::read(acks[0], &got, 8) == 8) last = got;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(acks[0], &got, 8) == 8) last = got;
  ::close(acks[0]);
  const auto log = PurgeLog::open({.file = folder.path() / "p"});
  ASSERT_TRUE(log);
  EXPECT_GE((*log)->applied().value, last);
  EXPECT_LE((*log)->applied().value, last + 1);
}

TEST(PurgeLog, ASweepFreesWhatIsDead) {
  const auto cache = open_cache();
  fill_in(*cache);
  ASSERT_TRUE(cache->purges().apply_next(PurgeKind::kDirectory, directory_id(kHost, "/a/"), true));
  while (cache->sweep()) {
  }
  EXPECT_EQ(cache->stats().objects, 2U);
  EXPECT_EQ(cache->stats().purged, 3U);
  EXPECT_FALSE(cache->sweep());
}

}  // namespace
}  // namespace yz::cache
