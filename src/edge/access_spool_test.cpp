#include "edge/access_spool.h"

#include <csignal>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

namespace yz::edge {
namespace {

namespace fs = std::filesystem;

const WallTime kNow(std::chrono::milliseconds(1'763'700'000'000));

model::AccessRecord record_of(std::uint64_t domain, std::uint64_t number, WallTime at = kNow) {
  model::AccessRecord record;
  record.ended = at;
  record.domain = model::DomainId{domain};
  record.bytes_out = number;
  record.status = 200;
  record.method = "GET";
  record.host = "www.a.com";
  record.target = "/some/path";
  return record;
}

AccessSpool::Options options_in(const TempFolder& folder, const Clock& clock, unsigned lanes = 1) {
  return {.folder = folder.path(), .budget = mib(1), .segment = kib(64), .lanes = lanes, .clock = &clock};
}

std::unique_ptr<AccessSpool> open_spool(AccessSpool::Options options, metrics::Registry& metrics) {
  auto spool = AccessSpool::open(std::move(options), metrics);
  EXPECT_TRUE(spool) << (spool ? "" : spool.error().message);
  return spool ? *std::move(spool) : nullptr;
}

struct Found {
  std::map<std::uint64_t, std::multiset<std::uint64_t>> numbers;  // by domain
  std::size_t open = 0;
  std::size_t files = 0;
};

/// Everything published in the folder.
Found read_all(const fs::path& folder) {
  Found found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!model::parse_segment_name(entry.path().filename().native())) continue;
    const auto bytes = read_file(entry.path());
    const auto head = model::decode_segment_head(std::string_view(*bytes).substr(0, model::kSegmentHead));
    EXPECT_TRUE(head);
    if (!head) continue;
    ++found.files;
    if (!head->is_closed) ++found.open;
    model::AccessRecordReader reader(std::string_view(*bytes).substr(model::kSegmentHead, head->bytes));
    std::uint32_t count = 0;
    while (const auto record = reader.next()) {
      found.numbers[record->domain.value].insert(record->bytes_out);
      ++count;
    }
    EXPECT_FALSE(reader.is_damaged());
    EXPECT_EQ(count, head->records);
  }
  return found;
}

std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> losses_in(const fs::path& folder) {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".losses") continue;
    const auto losses = model::decode_losses(*read_file(entry.path()));
    EXPECT_TRUE(losses);
    for (const model::AccessLoss& loss : *losses) out[{loss.hour, loss.domain.value}] += loss.lost;
  }
  return out;
}

class AccessSpoolTest : public testing::Test {
 protected:
  const TempFolder folder;
  const ManualClock clock{kNow};
  metrics::Registry metrics;
};

TEST_F(AccessSpoolTest, EveryRecordIsThereOnceAndSegmentsAreClosedAtTheEnd) {
  {
    const auto spool = open_spool(options_in(folder, clock, 2), metrics);
    for (std::uint64_t i = 0; i < 3'000; ++i) {
      spool->add(i % 2, record_of(1 + i % 3, i));
      if (i % 200 == 0) spool->keep_house();
    }
    EXPECT_EQ(spool->lost(), 0U);
  }
  const Found found = read_all(folder.path());
  std::set<std::uint64_t> all;
  for (const auto& [domain, numbers] : found.numbers) all.insert(numbers.begin(), numbers.end());
  EXPECT_EQ(all.size(), 3'000U);
  EXPECT_EQ(found.numbers.at(1).size(), 1'000U);
  EXPECT_EQ(found.open, 0U);
  EXPECT_GT(found.files, 2U);
}

TEST_F(AccessSpoolTest, WhatIsWrittenCanBeReadAtOnce) {
  const auto spool = open_spool(options_in(folder, clock), metrics);
  spool->add(0, record_of(1, 42));
  const Found found = read_all(folder.path());
  EXPECT_EQ(found.numbers.at(1).count(42), 1U);
  EXPECT_GE(found.open, 1U);
}

TEST_F(AccessSpoolTest, ANewHourBeginsANewSegment) {
  const auto spool = open_spool(options_in(folder, clock), metrics);
  spool->add(0, record_of(1, 1));
  spool->keep_house();
  spool->add(0, record_of(1, 2, kNow + std::chrono::hours(1)));
  spool->keep_house();
  const Found found = read_all(folder.path());
  EXPECT_EQ(found.files - found.open, 1U) << "the hour that is over is closed";
  EXPECT_EQ(found.numbers.at(1).size(), 2U);
}

TEST_F(AccessSpoolTest, AFullBudgetCostsLinesThatAreCountedByDomainAndHour) {
  std::uint64_t lost = 0;
  {
    auto options = options_in(folder, clock);
    options.budget = kib(192);
    const auto spool = open_spool(options, metrics);
    for (std::uint64_t i = 0; i < 5'000; ++i) {
      spool->add(0, record_of(1 + i % 2, i));
      if (i % 100 == 0) spool->keep_house();
    }
    lost = spool->lost();
    EXPECT_GT(lost, 2'000U);
    EXPECT_NE(metrics.expose().find("yz_edge_access_log_lost_total " + std::to_string(lost)), std::string::npos);
    std::uint64_t on_disk = 0;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      if (entry.path().extension() == ".access") on_disk += entry.file_size();
    }
    EXPECT_LE(on_disk, options.budget.value);
    // The agent takes what is closed: then there is room again.
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      if (entry.path().extension() == ".access") fs::remove(entry.path());
    }
    spool->keep_house();
    spool->add(0, record_of(1, 9'999));
    EXPECT_EQ(spool->lost(), lost);
    EXPECT_EQ(read_all(folder.path()).numbers.at(1).count(9'999), 1U);
  }
  const auto losses = losses_in(folder.path());
  const std::uint32_t hour = model::hour_of(kNow);
  EXPECT_EQ(losses.at({hour, 1}) + losses.at({hour, 2}), lost);
}

TEST_F(AccessSpoolTest, LossesOfManyDomainsAndWorkersAddUp) {
  auto options = options_in(folder, clock, 4);
  options.budget = kib(1);  // no segment fits
  const auto spool = open_spool(options, metrics);
  std::vector<std::thread> workers;
  for (unsigned lane = 0; lane < 4; ++lane) {
    workers.emplace_back([&, lane] {
      for (std::uint64_t i = 0; i < 6'000; ++i) spool->add(lane, record_of(1 + i, i));
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::uint64_t sum = 0;
  for (const auto& [key, lost] : losses_in(folder.path())) sum += lost;
  EXPECT_EQ(sum, 24'000U) << "more domains than cells: none of them is forgotten";
}

TEST(KilledAccessSpool, HasLostNothingThatWasWritten) {
  const TempFolder folder;
  auto* const added = static_cast<std::atomic<std::uint64_t>*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(added, MAP_FAILED);
  const pid_t child = ::fork();
  if (child == 0) {
    const ManualClock clock(kNow);
    metrics::Registry metrics;
    auto options = options_in(folder, clock);
    options.budget = mib(16);
    auto spool = AccessSpool::open(options, metrics);
    if (!spool) ::_exit(1);
    for (std::uint64_t i = 0;; ++i) {
      (*spool)->add(0, record_of(1, i));
      added->store(i + 1);
      if (i % 100 == 99) (*spool)->keep_house();
      if (i == 20'000) ::pause();
    }
  }
  while (added->load() < 2'000) std::this_thread::yield();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const std::uint64_t finished = added->load();

  const ManualClock clock(kNow + std::chrono::seconds(1));
  metrics::Registry metrics;
  auto options = options_in(folder, clock);
  options.budget = mib(64);  // however far the killed one came, there is room for a segment
  const auto spool = open_spool(options, metrics);
  const Found found = read_all(folder.path());
  const auto& numbers = found.numbers.at(1);
  std::uint64_t lost = 0;
  for (const auto& [key, count] : losses_in(folder.path())) lost += count;
  EXPECT_GE(numbers.size() + lost, finished);
  EXPECT_LE(numbers.size() + lost, finished + 1);
  EXPECT_EQ(std::set<std::uint64_t>(numbers.begin(), numbers.end()).size(), numbers.size()) << "none is there twice";
  EXPECT_EQ(found.open, 1U) << "only the segment made ahead by the new process";
  ::munmap(added, 4096);
}

}  // namespace
}  // namespace yz::edge
