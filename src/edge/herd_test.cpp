#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/testing.h"
#include "io/waiters.h"

namespace yz::edge::testing {
namespace {

/// Viewers that all ask for one object, on connections that are open already, and the times of their answers.
class Herd {
 public:
  Herd(const Endpoint& at, std::size_t count) : at_(at), count_(count) {}

  /// Connects all, has each send the request, calls `release` when all have, and waits for the answers. Times are from
  /// the release on.
  [[nodiscard]] bool ask(const std::string& target, std::function<void()> release) {
    release_ = std::move(release);
    return run(target);
  }
  /// Connects all, then has all send the request at once. Times are from then on.
  [[nodiscard]] bool ask_at_once(const std::string& target) {
    release_ = nullptr;
    return run(target);
  }
  [[nodiscard]] double milliseconds_at(double share) const {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1));
    return std::chrono::duration<double, std::milli>(times_[index]).count();
  }
  [[nodiscard]] std::string times() const {
    return fmt::format("p50 {:.1f} ms, p99 {:.1f} ms, last {:.1f} ms", milliseconds_at(0.5), milliseconds_at(0.99),
                       milliseconds_at(1));
  }

 private:
  bool run(const std::string& target) {
    ready_ = ended_ = right_ = 0;
    times_.clear();
    start_ = std::make_unique<io::Event>();
    io::TaskScope scope;
    const auto all = [&]() -> io::Task<void> {
      for (std::size_t i = 0; i < count_; ++i) {
        reactor_.spawn_into(scope, one(target));
        if (i % 100 == 99) co_await io::sleep_for(std::chrono::milliseconds(2));  // the backlog has its bounds
      }
      for (int i = 0; i < 6000 && ended_ < count_; ++i) co_await io::sleep_for(std::chrono::milliseconds(10));
    };
    reactor_.block_on(all());
    std::sort(times_.begin(), times_.end());
    return right_ == count_;
  }
  io::Task<void> one(std::string target) {
    auto stream = co_await io::connect(at_, reactor_.in(std::chrono::seconds(30)));
    if (stream) {
      const std::string request = "GET " + target + " HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
      Status sent;
      if (release_) sent = co_await stream->write_all(request, std::chrono::seconds(5));
      if (++ready_ == count_) {
        // Let the last of them arrive.
        co_await io::sleep_for(std::chrono::milliseconds(300));
        released_ = SystemClock::instance().mono();
        if (release_) release_();
        start_->set();
      }
      if (!release_) {
        (void)co_await start_->wait(reactor_.in(std::chrono::seconds(60)));
        sent = co_await stream->write_all(request, std::chrono::seconds(5));
      }
      const std::string text = co_await net::testing::read_up_to(*stream, SIZE_MAX);
      times_.push_back(SystemClock::instance().mono() - released_);
      if (sent && text.ends_with("\r\n\r\nhello world")) ++right_;
    }
    ++ended_;
  }

  const Endpoint at_;
  const std::size_t count_;
  std::function<void()> release_;
  MonoTime released_{};
  std::size_t ready_ = 0;
  std::unique_ptr<io::Event> start_;
  std::size_t ended_ = 0;
  std::size_t right_ = 0;
  std::vector<MonoTime::duration> times_;
  io::Reactor reactor_;
};

/// An origin that answers once it is let.
class HeldOrigin {
 public:
  HeldOrigin()
      : origin_([this](net::Exchange& exchange) -> io::Task<void> {
          while (!is_released_) co_await io::sleep_for(std::chrono::milliseconds(1));
          http::HeaderMap headers{{"Cache-Control", "max-age=3600"}, {"ETag", "\"v\""}};
          (void)co_await exchange.respond(200, std::move(headers), "hello world");
        }) {}
  void release() { is_released_ = true; }
  void hold() { is_released_ = false; }
  [[nodiscard]] FakeOrigin& server() { return origin_; }

 private:
  std::atomic<bool> is_released_{false};
  FakeOrigin origin_;
};

TEST(Herd, AThousandConcurrentMissesAreOneRequest) {
  HeldOrigin origin;
  const auto edge = start_edge(origin.server().endpoint(), http::Profile::kRfc, 2);
  Herd herd(edge->listening()[0], 1000);
  EXPECT_TRUE(herd.ask("/a", [&] { origin.release(); }));
  EXPECT_EQ(origin.server().count("GET /a"), 1);
}

// By hand: --gtest_also_run_disabled_tests --gtest_filter='*ByHand*'. What waiting for another's fetch adds is the
// difference between the two lines of a herd: both have the same answers to send from one worker.
TEST(Herd, DISABLED_ByHandTenThousandConcurrentMisses) {
  constexpr std::array<std::size_t, 3> kHerds = {100, 1'000, 10'000};
  HeldOrigin origin;
  const auto edge = start_edge(origin.server().endpoint(), http::Profile::kRfc, 1);
  std::array<int, 2> tell{};
  ASSERT_EQ(::pipe(tell.data()), 0);
  // The viewers are another process: descriptors are limited for each.
  const pid_t viewers = ::fork();
  if (viewers == 0) {
    bool is_right = true;
    const auto say = [&] { (void)!::write(tell[1], "x", 1); };
    for (const std::size_t count : kHerds) {
      const std::string target = fmt::format("/{}", count);
      Herd herd(edge->listening()[0], count);
      is_right = herd.ask(target, say) && is_right;
      fmt::print("{} followers, after the origin answered: {}\n", count, herd.times());
      is_right = herd.ask_at_once(target) && is_right;
      fmt::print("{} hits, after all were asked for at once: {}\n", count, herd.times());
      say();
    }
    std::fflush(stdout);
    ::_exit(is_right ? 0 : 1);
  }
  for (std::size_t i = 0; i < kHerds.size(); ++i) {
    char byte = 0;
    EXPECT_EQ(::read(tell[0], &byte, 1), 1);
    origin.release();
    EXPECT_EQ(::read(tell[0], &byte, 1), 1);
    origin.hold();
  }
  int status = 0;
  EXPECT_EQ(::waitpid(viewers, &status, 0), viewers);
  EXPECT_EQ(status, 0);
  for (const std::size_t count : kHerds) EXPECT_EQ(origin.server().count(fmt::format("GET /{}", count)), 1);
  ::close(tell[0]);
  ::close(tell[1]);
}

}  // namespace
}  // namespace yz::edge::testing
