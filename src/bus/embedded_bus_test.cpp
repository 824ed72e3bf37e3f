#include "bus/embedded_bus.h"

#include <csignal>
#include <fstream>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "bus/inbox_for_test.h"

namespace yz::bus {
namespace {

namespace fs = std::filesystem;

class EmbeddedBusTest : public testing::Test {
 protected:
  std::unique_ptr<EmbeddedBus> open(RetentionOptions options = {}) {
    auto bus = EmbeddedBus::open(folder_.path() / "bus", options, clock_);
    EXPECT_TRUE(bus) << bus.error().message;
    return bus ? *std::move(bus) : nullptr;
  }
  std::vector<fs::path> segments(std::string_view topic) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "bus" / topic)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  const TempFolder folder_;
  ManualClock clock_;
};

TEST_F(EmbeddedBusTest, ATornTailIsCutOff) {
  {
    auto bus = open();
    for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(bus->publish("t", text));
  }
  const auto file = segments("t").at(0);
  const auto whole = fs::file_size(file);
  for (std::uintmax_t cut = 1; cut < kRecordHeaderSize + 5; ++cut) {
    fs::resize_file(file, whole - cut);
    auto bus = open();
    EXPECT_EQ(bus->head("t")->value, 2u) << cut;
    EXPECT_EQ(bus->publish("t", "three")->value, 3u);
    EXPECT_EQ(fs::file_size(file), whole);
  }
  auto bus = open();
  EXPECT_EQ(read_all(*bus, "t").back().second, "three");
}

TEST_F(EmbeddedBusTest, ASegmentThatWasJustBeingMadeIsCompleted) {
  {
    auto bus = open();
    ASSERT_TRUE(bus->publish("t", "one"));
  }
  const auto file = segments("t").at(0);
  fs::resize_file(file, 5);
  auto bus = open();
  EXPECT_EQ(bus->head("t")->value, 0u);
  EXPECT_EQ(bus->publish("t", "one again")->value, 1u);
  EXPECT_EQ(read_all(*bus, "t").at(0).second, "one again");
}

TEST_F(EmbeddedBusTest, ADamagedOldSegmentIsSkippedAndTheGapShows) {
  const RetentionOptions small{.segment_size = {200}};
  {
    auto bus = open(small);
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(bus->publish("t", std::string(50, 'x')));
  }
  const auto files = segments("t");
  ASSERT_GE(files.size(), 3u);
  {
    std::fstream file(files[0], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kSegmentHeaderSize + kRecordHeaderSize + 74 + 10);
    file.put('!');
  }
  auto bus = open(small);
  Inbox inbox;
  auto subscription = bus->subscribe("t", {1}, inbox.callback());
  const auto messages = inbox.wait_for(10);
  EXPECT_EQ(messages.at(0).first, 1u);
  EXPECT_EQ(messages.at(1).first, 4u);
  EXPECT_EQ(messages.back().first, 12u);
}

TEST_F(EmbeddedBusTest, RetentionBySizeDropsTheOldestSegments) {
  auto bus = open({.segment_size = {1000}, .keep_size = {3000}});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(bus->publish("t", std::string(100, 'x')));
  EXPECT_LE(segments("t").size(), 4u);
  const auto oldest = *bus->oldest("t");
  EXPECT_GT(oldest.value, 60u);
  const auto messages = read_all(*bus, "t");
  EXPECT_EQ(messages.front().first, oldest.value) << "a subscriber from the start begins at the oldest kept";
  EXPECT_EQ(messages.back().first, 100u);
}

TEST_F(EmbeddedBusTest, RetentionByAgeKeepsTheNewestSegment) {
  const RetentionOptions options{.segment_size = {100}, .keep_age = std::chrono::hours(1)};
  auto bus = open(options);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(bus->publish("t", std::string(100, 'x')));
  clock_.advance(std::chrono::hours(2));
  ASSERT_TRUE(bus->publish("t", "young"));
  EXPECT_EQ(bus->oldest("t")->value, 6u);
  clock_.advance(std::chrono::hours(2));
  bus.reset();
  bus = open(options);
  EXPECT_EQ(bus->head("t")->value, 6u);
  EXPECT_EQ(bus->publish("t", "next")->value, 7u);
}

TEST_F(EmbeddedBusTest, AReaderFinishesASegmentThatRetentionRemoved) {
  auto log = TopicLog::open(folder_.path() / "t", {.segment_size = {150}, .keep_size = {300}}, clock_);
  ASSERT_TRUE(log);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*log)->append(std::string(40, 'x')));
  LogReader reader(**log, {1});
  ASSERT_EQ((**reader.next()).offset.value, 1u);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE((*log)->append(std::string(40, 'x')));
  ASSERT_GT((*log)->oldest().value, 3u);
  std::uint64_t last = 1;
  std::size_t count = 0;
  for (auto record = reader.next(); record && *record; record = reader.next(), ++count) {
    EXPECT_GT((*record)->offset.value, last);
    last = (*record)->offset.value;
  }
  EXPECT_EQ(last, 23u);
  EXPECT_GE(count, 3u);
}

TEST_F(EmbeddedBusTest, OnlyOneProcessHasTheFolder) {
  auto bus = open();
  EXPECT_EQ(EmbeddedBus::open(folder_.path() / "bus", {}, clock_).error().code, Code::kUnavailable);
  bus.reset();
  EXPECT_NE(open(), nullptr);
}

TEST_F(EmbeddedBusTest, AKilledPublisherLosesNothingItWasToldIsPublished) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto bus = EmbeddedBus::open(folder_.path() / "bus", {.segment_size = {2000}}, clock_);
    for (std::uint64_t i = 0; bus; ++i) {
      const auto offset = (*bus)->publish("t", std::string(i % 97, 'x'));
      if (!offset || ::write(pipe_ends[1], &offset->value, sizeof offset->value) < 0) break;
    }
    ::_exit(1);
  }
  std::uint64_t last = 0;
  while (last < 500) ASSERT_EQ(::read(pipe_ends[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[1]);
  for (std::uint64_t more = 0; ::read(pipe_ends[0], &more, sizeof more) == static_cast<ssize_t>(sizeof more);)
    last = more;
  ::close(pipe_ends[0]);
  auto bus = open();
  EXPECT_GE(bus->head("t")->value, last);
  const auto messages = read_all(*bus, "t");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(messages[i].first, i + 1);
    ASSERT_EQ(messages[i].second.size(), i % 97);
  }
}

TEST_F(EmbeddedBusTest, AFullDiskRefusesTheMessageAndKeepsTheRest) {
  // A child, because the limit on file sizes is the whole process's.
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto bus = EmbeddedBus::open(folder_.path() / "bus", {}, clock_);
    bool ok = bus && (*bus)->publish("t", "first");
    const rlimit small{100, 100};
    ok = ok && ::setrlimit(RLIMIT_FSIZE, &small) == 0;
    ok = ok && !(*bus)->publish("t", std::string(500, 'x'));
    ok = ok && (*bus)->publish("t", "second").has_value() && (*bus)->head("t")->value == 2;
    ::_exit(ok ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  auto bus = open();
  const auto messages = read_all(*bus, "t");
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].second, "second");
}

}  // namespace
}  // namespace yz::bus
