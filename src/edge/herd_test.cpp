#include <algorithm>
#include <array>
#include <iostream>

#include <sys/wait.h>
#include <unistd.h>

#include "edge/testing.h"

namespace yz::edge::testing {
namespace {

/// Viewers that all ask for one object, on connections that are open already, and the times of their answers.
class Herd {
 public:
  Herd(const Endpoint& at, std::size_t count) : at_(at), count_(count) {}

  /// Connects all, has each send the request, calls `release` when all have, and waits for the answers.
  [[nodiscard]] bool ask(const std::string& target, std::function<void()> release) {
    asked_ = ended_ = right_ = 0;
    times_.clear();
    release_ = std::move(release);
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
  [[nodiscard]] double milliseconds_at(double share) const {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1));
    return std::chrono::duration<double, std::milli>(times_[index]).count();
  }

 private:
  io::Task<void> one(std::string target) {
    auto stream = co_await io::connect(at_, reactor_.in(std::chrono::seconds(30)));
    if (stream) {
      const std::string request = "GET " + target + " HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
      const Status sent = co_await stream->write_all(request, std::chrono::seconds(5));
      if (++asked_ == count_) {
        // Let the last of them arrive.
        co_await io::sleep_for(std::chrono::milliseconds(300));
        released_ = SystemClock::instance().mono();
        release_();
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
  std::size_t asked_ = 0;
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

// By hand: --gtest_also_run_disabled_tests --gtest_filter='*ByHand*'
TEST(Herd, DISABLED_ByHandTenThousandConcurrentMisses) {
  HeldOrigin origin;
  const auto edge = start_edge(origin.server().endpoint(), http::Profile::kRfc, 1);
  std::array<int, 2> let_go{};
  ASSERT_EQ(::pipe(let_go.data()), 0);
  // The viewers are another process: descriptors are limited for each.
  const pid_t viewers = ::fork();
  if (viewers == 0) {
    Herd herd(edge->listening()[0], 10'000);
    const bool all = herd.ask("/a", [&] { (void)!::write(let_go[1], "x", 1); });
    std::cout << "answers after the origin let go: p50 " << herd.milliseconds_at(0.5) << " ms, p99 "
              << herd.milliseconds_at(0.99) << " ms, last " << herd.milliseconds_at(1) << " ms" << std::endl;
    const bool hits = herd.ask("/a", [] {});
    std::cout << "the same as hits, after the last was sent: last " << herd.milliseconds_at(1) << " ms" << std::endl;
    ::_exit(all && hits ? 0 : 1);
  }
  char byte = 0;
  EXPECT_EQ(::read(let_go[0], &byte, 1), 1);
  origin.release();
  int status = 0;
  EXPECT_EQ(::waitpid(viewers, &status, 0), viewers);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(origin.server().count("GET /a"), 1);
  ::close(let_go[0]);
  ::close(let_go[1]);
}

}  // namespace
}  // namespace yz::edge::testing
