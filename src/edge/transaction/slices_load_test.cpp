#include <array>
#include <fstream>
#include <iostream>

#include "edge/testing_large.h"

namespace yz::edge::testing {
namespace {

/// Viewers on one reactor that check each byte as it comes.
class Viewers {
 public:
  Viewers(const EdgeServer& edge, const LargeOrigin& origin) : at_(edge.listening()[0]), origin_(origin) {}

  /// One more: asks for bytes from `first` on, and sleeps for `pause` after each `burst` bytes.
  void add(std::uint64_t first, std::uint64_t burst, std::chrono::milliseconds pause) {
    ++count_;
    reactor_.spawn_into(scope_, view(first, burst, pause, leave_after_));
  }
  /// The viewers added from now on leave after so many bytes.
  void leave_after(std::uint64_t bytes) { leave_after_ = bytes; }
  /// Runs until all have their bytes; false when that takes longer than `patience`.
  [[nodiscard]] bool run(std::chrono::seconds patience = std::chrono::seconds(60)) {
    reactor_.spawn_into(scope_, give_up(patience));
    if (ended_ < count_) reactor_.run();
    return ended_ == count_;
  }
  /// Viewers that got all bytes, and the right ones.
  [[nodiscard]] int right() const { return right_; }

 private:
  io::Task<void> give_up(std::chrono::seconds patience) {
    co_await io::sleep_for(patience);
    reactor_.stop();
  }
  io::Task<void> view(std::uint64_t first, std::uint64_t burst, std::chrono::milliseconds pause, std::uint64_t most) {
    if (co_await is_right(first, burst, pause, most)) ++right_;
    if (++ended_ == count_) reactor_.stop();
  }
  io::Task<bool> is_right(std::uint64_t first, std::uint64_t burst, std::chrono::milliseconds pause,
                          std::uint64_t most) {
    auto stream = co_await io::connect(at_, reactor_.in(std::chrono::seconds(30)));
    if (!stream) co_return false;
    const std::string request =
        "GET /f HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nRange: bytes=" + std::to_string(first) + "-\r\n\r\n";
    if (!co_await stream->write_all(request, std::chrono::seconds(5))) co_return false;
    std::array<char, 32768> buffer;
    std::string head;
    std::uint64_t offset = first;
    std::uint64_t since_pause = 0;
    const std::uint64_t leaves_at = most == UINT64_MAX ? UINT64_MAX : first + most;
    while (offset < leaves_at) {
      const auto n = co_await stream->read(buffer, reactor_.in(std::chrono::seconds(60)));
      if (!n || *n == 0) break;
      std::string_view text(buffer.data(), *n);
      if (offset == first && head.find("\r\n\r\n") == std::string::npos) {
        head += text;
        const auto end = head.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        text.remove_prefix(text.size() - (head.size() - end - 4));
      }
      if (!origin_.content().holds(offset, text)) co_return false;
      offset += text.size();
      since_pause += text.size();
      if (since_pause < burst) continue;
      since_pause = 0;
      if (pause.count() > 0) co_await io::sleep_for(pause);
    }
    co_return offset == origin_.size() || offset >= leaves_at;
  }

  const Endpoint at_;
  const LargeOrigin& origin_;
  std::uint64_t leave_after_ = UINT64_MAX;
  int count_ = 0;
  int ended_ = 0;
  int right_ = 0;
  io::Reactor reactor_;
  io::TaskScope scope_;
};

Options small_memory(const LargeOrigin& origin, ByteCount memory, unsigned workers) {
  Options options = options_before(origin.endpoint());
  options.memory = memory;
  options.workers = workers;
  return options;
}

TEST(SliceLoad, AnObjectManyTimesLargerThanMemoryPassesThrough) {
  LargeOrigin origin(300'000'000);
  const auto edge = start_edge(small_memory(origin, mib(16), 1));
  Viewers viewers(*edge, origin);
  viewers.add(0, UINT64_MAX, {});
  EXPECT_TRUE(viewers.run());
  EXPECT_EQ(viewers.right(), 1);
  const auto stats = edge->store().stats();
  EXPECT_LE(stats.memory_used, mib(16).value);
  EXPECT_GT(stats.evicted, 100U);
  EXPECT_GT(stats.objects, 8U);  // its last slices are there
}

TEST(SliceLoad, ViewersAtDifferentSpeedsFollowALiveFill) {
  LargeOrigin origin(16'000'003);
  const auto edge = start_edge(small_memory(origin, mib(16), 2));
  Viewers viewers(*edge, origin);
  for (int i = 0; i < 40; ++i) {
    // From as fast as it goes to half a second for each megabyte or so; some start in the middle.
    viewers.add(i % 5 == 4 ? 1'000'000 * static_cast<std::uint64_t>(i % 16) : 0, 200'000,
                std::chrono::milliseconds(i % 8 == 0 ? 0 : i % 8));
  }
  EXPECT_TRUE(viewers.run());
  EXPECT_EQ(viewers.right(), 40);
  EXPECT_LE(edge->store().stats().memory_used, mib(16).value);
}

TEST(SliceLoad, ViewersOfACoalescedRangeAreOneRequest) {
  LargeOrigin origin(3'000'000);
  const auto edge = start_edge(small_memory(origin, mib(64), 2));
  Viewers viewers(*edge, origin);
  for (int i = 0; i < 300; ++i) viewers.add(2'900'000, UINT64_MAX, {});
  EXPECT_TRUE(viewers.run());
  EXPECT_EQ(viewers.right(), 300);
  EXPECT_EQ(origin.requests(), 1);
}

TEST(SliceLoad, ManyViewersHoldNoMoreMemoryThanThereIs) {
  LargeOrigin origin(64'000'000);
  const auto edge = start_edge(small_memory(origin, mib(8), 1));
  Viewers viewers(*edge, origin);
  // Each somewhere else, all slow: what they would hold is far more than the memory.
  for (std::uint64_t i = 0; i < 60; ++i) {
    viewers.add(60'000'000 + i * 60'000, 100'000, std::chrono::milliseconds(2));
    viewers.add(59'000'000 + i * 80'000, 500'000, std::chrono::milliseconds(3));
  }
  EXPECT_TRUE(viewers.run());
  EXPECT_EQ(viewers.right(), 120);
  EXPECT_LE(edge->store().stats().memory_used, mib(8).value);
}

// By hand: --gtest_also_run_disabled_tests --gtest_filter='*ByHand*'

/// Peak memory of this process so far: edge, origin and viewer.
std::uint64_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6));
  }
  return 0;
}

TEST(SliceLoad, DISABLED_ByHandTenGigabytesInSixtyFourMegabytes) {
  LargeOrigin origin(10'000'000'000);
  const auto edge = start_edge(small_memory(origin, mib(64), 1));
  const auto before = peak_memory_kib();
  Viewers viewers(*edge, origin);
  viewers.add(0, UINT64_MAX, {});
  EXPECT_TRUE(viewers.run(std::chrono::minutes(10)));
  EXPECT_EQ(viewers.right(), 1);
  std::cout << origin.requests() << " requests, peak memory grew by " << (peak_memory_kib() - before) / 1024
            << " MiB\n";
  EXPECT_LE(edge->store().stats().memory_used, mib(64).value);
}

TEST(SliceLoad, DISABLED_ByHandAThousandViewersFollowALiveFillOfAGigabyte) {
  LargeOrigin origin(1'000'000'000);
  const auto edge = start_edge(small_memory(origin, mib(256), 1));
  Viewers viewers(*edge, origin);
  for (int i = 0; i < 1000; ++i) {
    // Twenty stay to the end; the others leave after 1 to 50 MB. All read in bursts of their own speed.
    viewers.leave_after(i % 50 == 0 ? UINT64_MAX : 1'000'000 * static_cast<std::uint64_t>(1 + i % 50));
    viewers.add(0, 300'000, std::chrono::milliseconds(i % 50 == 0 ? 0 : i % 20));
  }
  EXPECT_TRUE(viewers.run(std::chrono::minutes(10)));
  EXPECT_EQ(viewers.right(), 1000);
  std::cout << origin.requests() << " requests, " << origin.bytes_sent() / 1'000'000 << " MB from the origin\n";
}

}  // namespace
}  // namespace yz::edge::testing
