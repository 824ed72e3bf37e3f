#include "agent/log_collector.h"

#include <map>

#include <gtest/gtest.h>
#include <zstd.h>

#include "agent/test_spool.h"
#include "base/file.h"
#include "base/text.h"
#include "model/access_record.h"

namespace yz::agent {
namespace {

namespace fs = std::filesystem;

/// A spool as an edge would write it.
class LogCollectorTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path spool() const { return folder_.path() / "access"; }
  [[nodiscard]] LogCollector::Options options() const {
    return {.spool = spool(), .outbox = folder_.path() / "logs", .node = model::NodeId{7}};
  }
  LogCollector open() { return LogCollector::open(options()).value(); }

  static std::string records(std::uint64_t first, std::uint64_t count, std::uint64_t domain,
                             WallTime at = TestSpool::kNow) {
    return TestSpool::records(first, count, domain, at);
  }
  void write_segment(std::uint64_t number, const std::string& bytes, std::uint32_t count, bool is_closed) {
    spool_.write_segment(number, bytes, count, is_closed);
  }
  [[nodiscard]] fs::path segment(std::uint64_t number) const { return spool_.segment(number); }

  /// Takes a batch away as control does, its lines by domain and hour: how often each target is in them.
  std::map<std::string, int> receive(const LogCollector& collector) {
    std::map<std::string, int> out;
    const auto waiting = collector.oldest();
    if (!waiting) return out;
    const std::string bytes = read_file(waiting->file).value();
    fs::remove(waiting->file);
    const auto batch = model::decode_log_batch(bytes);
    EXPECT_TRUE(batch);
    losses_ = batch->head.losses;
    if (!seen_.emplace(batch->head.number, true).second) return out;
    std::uint64_t at = batch->frames_at;
    for (const model::LogSlice& slice : batch->head.slices) {
      std::string text(slice.text_bytes, '\0');
      EXPECT_EQ(ZSTD_decompress(text.data(), text.size(), bytes.data() + at, slice.size), text.size());
      at += slice.size;
      std::uint64_t lines = 0;
      for (const std::string_view line : split(text, '\n')) {
        if (line.empty()) continue;
        ++lines;
        const auto columns = split(line, '\t');
        EXPECT_EQ(columns.size(), model::kAccessColumns.size());
        ++out[std::to_string(slice.hour) + " " + std::to_string(slice.domain.value) + " " + std::string(columns[5])];
      }
      EXPECT_EQ(lines, slice.lines);
    }
    return out;
  }

  TempFolder folder_;
  TestSpool spool_{folder_.path() / "access"};
  std::map<std::uint64_t, bool> seen_;
  std::vector<model::AccessLoss> losses_;
};

TEST_F(LogCollectorTest, LinesComeByDomainAndHourAndClosedSegmentsGo) {
  LogCollector collector = open();
  write_segment(1, records(1, 2, 5) + records(3, 1, 6) + records(4, 1, 5, TestSpool::kNow + std::chrono::hours(1)), 4,
                true);
  EXPECT_EQ(*collector.collect(), false);
  EXPECT_FALSE(fs::exists(segment(1)));
  const std::map<std::string, int> wanted = {
      {"490000 5 /1", 1}, {"490000 5 /2", 1}, {"490000 6 /3", 1}, {"490001 5 /4", 1}};
  EXPECT_EQ(receive(collector), wanted);
  EXPECT_EQ(*collector.collect(), false);
  EXPECT_FALSE(collector.oldest()) << "nothing new is no batch";
}

TEST_F(LogCollectorTest, AGrowingSegmentIsFollowed) {
  LogCollector collector = open();
  const std::string first = records(1, 2, 5);
  write_segment(1, first, 2, false);
  ASSERT_TRUE(collector.collect());
  EXPECT_EQ(receive(collector).size(), 2U);
  write_segment(1, first + records(3, 1, 5), 3, true);
  ASSERT_TRUE(collector.collect());
  EXPECT_EQ(receive(collector), (std::map<std::string, int>{{"490000 5 /3", 1}}));
  EXPECT_FALSE(fs::exists(segment(1)));
}

TEST_F(LogCollectorTest, AnAgentKilledAtAnyPointRepeatsAndLosesNothing) {
  write_segment(1, records(1, 3, 5), 3, true);
  {
    LogCollector collector = open();
    ASSERT_TRUE(collector.collect());
  }
  // Killed after the batch was named, before `last` was written and the segment removed.
  fs::remove(folder_.path() / "logs" / "last");
  write_segment(1, records(1, 3, 5), 3, true);
  write_segment(2, records(4, 1, 5), 1, false);
  LogCollector collector = open();
  ASSERT_TRUE(collector.collect());
  EXPECT_FALSE(fs::exists(segment(1)));
  EXPECT_EQ(receive(collector).size(), 3U);
  EXPECT_EQ(receive(collector), (std::map<std::string, int>{{"490000 5 /4", 1}}));
  // Restarted when control has all: only `last` knows.
  LogCollector again = open();
  ASSERT_TRUE(again.collect());
  EXPECT_FALSE(again.oldest());
}

TEST_F(LogCollectorTest, DamagedRecordsAreCountedAsLost) {
  std::string bytes = records(1, 3, 5);
  bytes[bytes.size() / 3 + 20] ^= 1;
  write_segment(1, bytes, 3, true);
  LogCollector collector = open();
  ASSERT_TRUE(collector.collect());
  EXPECT_EQ(receive(collector).size(), 1U);
  ASSERT_EQ(losses_.size(), 1U);
  EXPECT_EQ(losses_[0].lost, 2U);
  EXPECT_EQ(losses_[0].hour, 490'000U);
  // A later report says the same, not more.
  write_segment(2, records(9, 1, 5), 1, true);
  ASSERT_TRUE(collector.collect());
  receive(collector);
  ASSERT_EQ(losses_.size(), 1U);
  EXPECT_EQ(losses_[0].lost, 2U);
}

TEST_F(LogCollectorTest, WhatTheEdgeLostIsReportedEvenWithoutLines) {
  std::string book = model::encode_losses_head(9);
  book.resize(model::kLossesSize);
  const std::uint64_t words[3] = {model::loss_tag(490'000), 5, 17};
  book.replace(model::kLossesHead + 24, 24, reinterpret_cast<const char*>(words), 24);
  ASSERT_TRUE(write_file_atomically(spool() / "9.losses", book));
  LogCollector collector = open();
  ASSERT_TRUE(collector.collect());
  receive(collector);
  EXPECT_EQ(losses_, (std::vector<model::AccessLoss>{{9, 490'000, {5}, 17}}));
  ASSERT_TRUE(collector.collect());
  EXPECT_FALSE(collector.oldest());
}

TEST_F(LogCollectorTest, AFullOutboxLeavesTheSpoolAlone) {
  auto tight = options();
  tight.max_outbox = {10};
  LogCollector collector = LogCollector::open(tight).value();
  write_segment(1, records(1, 3, 5), 3, true);
  ASSERT_TRUE(collector.collect());
  write_segment(2, records(4, 3, 5), 3, true);
  EXPECT_EQ(collector.collect().error().code, Code::kLimit);
  EXPECT_TRUE(fs::exists(segment(2)));
  EXPECT_EQ(receive(collector).size(), 3U);
  ASSERT_TRUE(collector.collect());
  EXPECT_EQ(receive(collector).size(), 3U);
}

}  // namespace
}  // namespace yz::agent
