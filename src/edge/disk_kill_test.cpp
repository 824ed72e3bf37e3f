// The real yz-edge, killed with -9 under load: how fast it is back, with how much, and that every byte is right.
//
// Short by default. `bench/disk/kill.sh` runs it at any size through the environment:
//   YZ_DISK_KILL_SIZE    size of the disk cache, such as 20GiB
//   YZ_DISK_KILL_FOLDER  where it lies
//   YZ_DISK_KILL_LARGEST size of the largest object

#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "edge/testing_content.h"
#include "io/child_process.h"
#include "net/fetch.h"

namespace yz::edge {
namespace {

using testing::ContentClients;

ByteCount size_from(const char* name, ByteCount otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : parse_byte_count(text).value_or(otherwise);
}

/// A yz-edge of its own process, alone before an origin.
class EdgeProcess {
 public:
  EdgeProcess(std::filesystem::path folder, const Endpoint& origin, ByteCount disk) : folder_(std::move(folder)) {
    argv_ = {YZ_EDGE_PROGRAM,
             "--listen",
             "127.0.0.1:" + std::to_string(free_port()),
             "--origin",
             "http://" + to_string(origin),
             "--profile",
             "rfc",
             "--memory",
             std::to_string(std::clamp<std::uint64_t>(disk.value / 40, mib(64).value, mib(512).value)),
             "--state",
             (folder_ / "state").native(),
             "--admin",
             (folder_ / "admin").native(),
             "--disk-write-rate",
             "0",
             "--disk",
             fmt::format("{}:{}", (folder_ / "cache").native(), disk.value)};
    endpoint_ = *Endpoint::parse(argv_[2]);
  }

  void start() {
    io::ChildProcess::Options options;
    options.argv = argv_;
    options.stdout_file = folder_ / "log";
    auto child = io::ChildProcess::start(reactor_, options);
    ASSERT_TRUE(child) << child.error().message;
    child_ = std::make_unique<io::ChildProcess>(std::move(*child));
  }
  /// Waits until it answers; how long that took.
  [[nodiscard]] std::chrono::milliseconds wait_until_serving() {
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 60'000; ++i) {
      const auto reply = net::fetch_blocking({.url = fmt::format("http://{}/.yz/healthz", to_string(endpoint_))});
      if (reply && reply->status == 200) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  }
  void kill() {
    child_->kill(SIGKILL);
    (void)reactor_.block_on(child_->wait(reactor_.in(std::chrono::seconds(30))));
    child_.reset();
  }
  /// The admin socket opens last; until then the one a killed process left behind refuses.
  [[nodiscard]] nlohmann::json disk_status() const {
    const net::FetchRequest status{.url = "unix:" + (folder_ / "admin").native() + ":/status"};
    auto reply = net::fetch_blocking(status);
    for (int i = 0; i < 2'000 && !reply; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      reply = net::fetch_blocking(status);
    }
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? nlohmann::json::parse(reply->body)["disk"] : nlohmann::json();
  }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  static std::uint16_t free_port() {
    io::Reactor reactor;
    net::testing::FunctionHandler nothing([](net::Exchange&) -> io::Task<void> { co_return; });
    net::HttpServer server(reactor, nothing);
    return server.listen(net::testing::kAnyLoopback)->port;
  }

  std::filesystem::path folder_;
  std::vector<std::string> argv_;
  Endpoint endpoint_;
  io::Reactor reactor_;
  std::unique_ptr<io::ChildProcess> child_;
};

TEST(EdgeKilled, IsBackAtOnceWithWhatItHadAndEveryByteRight) {
  const ByteCount disk = size_from("YZ_DISK_KILL_SIZE", mib(128));
  testing::Content content;
  content.largest = size_from("YZ_DISK_KILL_LARGEST", kib(120)).value;
  const char* const given = std::getenv("YZ_DISK_KILL_FOLDER");
  const TempFolder temporary;
  const std::filesystem::path folder = given != nullptr ? given : temporary.path();
  testing::FakeOrigin origin(
      [&](net::Exchange& exchange) -> io::Task<void> { return testing::answer_content(exchange, content); });
  EdgeProcess edge(folder, origin.endpoint(), disk);
  edge.start();
  (void)edge.wait_until_serving();

  // Each object twice, one after the other, so that it is worth writing, until the disk is full; then on, until it is
  // killed.
  const std::uint64_t full = disk.value / ((content.smallest + content.largest) / 2);
  std::atomic<bool> is_killed{false};
  std::uint64_t asked = 0;
  const auto fill = [&](unsigned) {
    const std::uint64_t turn = asked++;
    const std::uint64_t number = turn / 256 * 128 + turn % 128;
    return number < full * 11 / 10 && !is_killed ? number : ContentClients::kNoMore;
  };
  testing::Seen filling;
  ContentClients(edge.endpoint(), content, 32, fill, filling).wait();
  EXPECT_EQ(filling.wrong + filling.broken, 0U) << filling.first_trouble;
  nlohmann::json before;
  testing::Seen under_load;
  const std::uint64_t newest = full * 11 / 10;
  {
    Random random(1);
    const auto load = [&](unsigned) {
      return is_killed ? ContentClients::kNoMore : newest - random.below(full / 2) + random.below(full / 20);
    };
    ContentClients clients(edge.endpoint(), content, 32, load, under_load);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    before = edge.disk_status();
    edge.kill();
    is_killed = true;
  }
  EXPECT_EQ(under_load.wrong, 0U) << under_load.first_trouble;

  edge.start();
  const auto back_after = edge.wait_until_serving();
  const nlohmann::json after = edge.disk_status();
  const double kept = after["recovered_objects"].get<double>() / before["objects"].get<double>();
  fmt::print(
      "disk cache of {}: {} objects before, {} after ({:.1f} %), recovered in {} ms, serving after {} ms, index {:.2f} "
      "B each\n",
      to_string(disk), before["objects"].get<std::uint64_t>(), after["recovered_objects"].get<std::uint64_t>(),
      kept * 100, after["recovery_ms"].get<std::uint64_t>(), back_after.count(),
      after["index_bytes"].get<double>() / after["objects"].get<double>());
  EXPECT_GE(kept, 0.95);
  EXPECT_LE(back_after.count(), 2'000);

  // What the origin no longer says must come from the disk, and be right.
  testing::Seen again;
  std::uint64_t looked = 0;
  Random random(2);
  const std::uint64_t looks = std::min<std::uint64_t>(full, 20'000);
  const auto check = [&](unsigned) {
    return looked++ < looks ? newest - 1 - random.below(full / 2) : ContentClients::kNoMore;
  };
  ContentClients(edge.endpoint(), content, 32, check, again).wait();
  fmt::print("{} bodies compared after the restart: {} hits, {} of them from disk, {} wrong\n", again.answers.load(),
             again.hits.load(), again.from_disk.load(), again.wrong.load());
  EXPECT_EQ(again.wrong + again.broken, 0U) << again.first_trouble;
  // A slow device is spared: what it could not take in time was never on it.
  const double share = std::min(1.0, before["objects"].get<double>() / static_cast<double>(full));
  EXPECT_GE(static_cast<double>(again.hits), 0.75 * share * static_cast<double>(looks));
  edge.kill();
}

}  // namespace
}  // namespace yz::edge
