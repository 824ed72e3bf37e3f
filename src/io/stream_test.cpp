#include <array>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "io/listener.h"
#include "io/reactor.h"
#include "io/socket.h"
#include "io/tcp_stream.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;

const Endpoint kAnyLoopback{IpAddress::v4(0x7F000001), 0};

struct Pair {
  TcpStream client;
  TcpStream server;
};

Task<Result<Pair>> connected_pair(TcpListener& listener) {
  const MonoTime deadline = Reactor::current().in(5s);
  YZ_CO_TRY(TcpStream client, co_await connect(listener.local(), deadline));
  YZ_CO_TRY(TcpStream server, co_await listener.accept(deadline));
  co_return Pair{std::move(client), std::move(server)};
}

Task<std::string> read_to_end(TcpStream& stream) {
  std::string out;
  std::array<char, 4096> buffer;
  while (true) {
    const auto n = co_await stream.read(buffer, Reactor::current().in(5s));
    EXPECT_TRUE(n) << n.error().message;
    if (!n || *n == 0) co_return out;
    out.append(buffer.data(), *n);
  }
}

class StreamTest : public ::testing::Test {
 protected:
  Reactor reactor_;
  TcpListener listener_ = std::move(TcpListener::bind(reactor_, kAnyLoopback)).value();
  Pair pair_ = reactor_.block_on(connected_pair(listener_)).value();
};

TEST_F(StreamTest, CarriesBytesBothWaysAndTellsTheEnd) {
  reactor_.block_on([](Pair& pair) -> Task<void> {
    EXPECT_EQ(pair.server.peer(), pair.client.local());
    EXPECT_TRUE(co_await pair.client.write_all("ping", 1s));
    std::array<char, 16> buffer;
    const auto n = co_await pair.server.read(buffer, Reactor::current().in(5s));
    EXPECT_EQ(std::string_view(buffer.data(), *n), "ping");
    pair.client.shutdown_write();  // half-close: the other direction goes on
    EXPECT_EQ(*co_await pair.server.read(buffer, Reactor::current().in(5s)), 0U);
    EXPECT_TRUE(co_await pair.server.write_all("pong", 1s));
    pair.server.close();
    EXPECT_EQ(co_await read_to_end(pair.client), "pong");
    EXPECT_EQ(pair.client.bytes_written(), 4U);
    EXPECT_EQ(pair.client.bytes_read(), 4U);
  }(pair_));
}

TEST_F(StreamTest, AReadEndsAtItsDeadlineAndTheNextOneStillWorks) {
  reactor_.block_on([](Pair& pair) -> Task<void> {
    std::array<char, 16> buffer;
    for (int i = 0; i < 3; ++i) {
      const MonoTime start = SystemClock::instance().mono();
      const auto n = co_await pair.server.read(buffer, Reactor::current().in(5ms));
      EXPECT_EQ(n.error().code, Code::kTimeout);
      EXPECT_LT(SystemClock::instance().mono() - start, 3s);
    }
    // A long deadline is linked first, a short one must still fire in time.
    EXPECT_TRUE(co_await pair.client.write_all("x", 1s));
    EXPECT_EQ(*co_await pair.server.read(buffer, Reactor::current().in(1h)), 1U);
    EXPECT_EQ((co_await pair.server.read(buffer, Reactor::current().in(5ms))).error().code, Code::kTimeout);
  }(pair_));
}

TEST_F(StreamTest, WritesMoreThanTheSocketTakesWhileTheOtherSideReadsSlowly) {
  std::string text(8 << 20, '\0');
  std::iota(text.begin(), text.end(), '\0');
  std::string got;
  reactor_.spawn([](Pair& pair, const std::string& all) -> Task<void> {
    std::vector<iovec> pieces;
    for (std::size_t at = 0; at < all.size(); at += 65'537) {
      pieces.push_back({const_cast<char*>(all.data()) + at, std::min<std::size_t>(65'537, all.size() - at)});
    }
    EXPECT_TRUE(co_await pair.server.write_all(pieces, 5s));
    pair.server.close();
  }(pair_, text));
  got = reactor_.block_on(read_to_end(pair_.client));
  EXPECT_EQ(got.size(), text.size());
  EXPECT_TRUE(got == text);
}

TEST_F(StreamTest, AWriteThatNobodyTakesTimesOut) {
  reactor_.block_on([](Pair& pair) -> Task<void> {
    const std::string text(32 << 20, 'x');
    const auto written = co_await pair.server.write_all(text, 20ms);
    EXPECT_EQ(written.error().code, Code::kTimeout);
    EXPECT_GT(pair.server.bytes_written(), 0U);
    EXPECT_LT(pair.server.bytes_written(), text.size());
  }(pair_));
}

TEST_F(StreamTest, AWriteThatIsTakenByCrumbsTimesOutWhereALeastRateIsSet) {
  reactor_.spawn([](Pair& pair) -> Task<void> {
    std::vector<char> buffer(64 * 1024);
    while (true) {
      const auto n = co_await pair.client.read(buffer, Reactor::current().in(5s));
      if (!n || *n == 0) co_return;
      co_await sleep_for(2ms);
    }
  }(pair_));
  const std::string text(128 << 20, 'x');
  reactor_.block_on([](Pair& pair, std::string_view all) -> Task<void> {
    pair.server.set_least_rate(4ULL << 30);
    const MonoTime start = SystemClock::instance().mono();
    const auto written = co_await pair.server.write_all(all, 200ms);
    EXPECT_EQ(written.error().code, Code::kTimeout);
    EXPECT_GE(SystemClock::instance().mono() - start, 200ms);
    EXPECT_LT(pair.server.bytes_written(), all.size());
    pair.server.close();
  }(pair_, text));
}

TEST_F(StreamTest, WritingToAPeerThatIsGoneIsAnErrorAndNoSignal) {
  reactor_.block_on([](Pair& pair) -> Task<void> {
    pair.client.reset_connection();
    Status status;
    for (int i = 0; i < 10 && status; ++i) status = co_await pair.server.write_all("hello", 1s);
    EXPECT_EQ(status.error().code, Code::kUnavailable);
  }(pair_));
}

TEST_F(StreamTest, SendsAFile) {
  const TempFolder folder;
  std::string text(3 << 20, 'f');
  text[100] = 'x';
  ASSERT_TRUE(write_file_atomically(folder.path() / "file", text));
  const UniqueFd file(::open((folder.path() / "file").c_str(), O_RDONLY));
  reactor_.spawn([](Pair& pair, int fd, std::size_t size) -> Task<void> {
    EXPECT_TRUE(co_await pair.server.send_file(fd, 100, size - 100, 5s));
    EXPECT_EQ((co_await pair.server.send_file(fd, size, 1, 5s)).error().code, Code::kIo);
    pair.server.close();
  }(pair_, file.get(), text.size()));
  EXPECT_TRUE(reactor_.block_on(read_to_end(pair_.client)) == text.substr(100));
}

TEST_F(StreamTest, SendsAMappedFileThroughAFullSocket) {
  std::string text(3 << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 4093);
  const UniqueFd file(::memfd_create("mapped", MFD_CLOEXEC));
  ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  void* const mapped = ::mmap(nullptr, text.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  reactor_.spawn([](Pair& pair, int fd, std::size_t size, const char* at) -> Task<void> {
    EXPECT_TRUE(co_await pair.server.send_file(fd, 100, size - 100, 5s, at + 100));
    EXPECT_EQ(pair.server.bytes_written(), size - 100);
    pair.server.close();
  }(pair_, file.get(), text.size(), static_cast<const char*>(mapped)));
  EXPECT_TRUE(reactor_.block_on(read_to_end(pair_.client)) == text.substr(100));
  ::munmap(mapped, text.size());
}

TEST_F(StreamTest, OneCoroutineReadsWhileAnotherWrites) {
  const auto echo = [](TcpStream& stream) -> Task<void> {
    std::array<char, 1000> buffer;
    while (true) {
      const auto n = co_await stream.read(buffer, Reactor::current().in(5s));
      if (!n || *n == 0) break;
      EXPECT_TRUE(co_await stream.write_all(std::string_view(buffer.data(), *n), 5s));
    }
    stream.shutdown_write();
  };
  const std::string text(1 << 20, 'e');
  const auto send = [](TcpStream& stream, const std::string& all) -> Task<void> {
    EXPECT_TRUE(co_await stream.write_all(all, 5s));
    stream.shutdown_write();
  };
  reactor_.spawn(echo(pair_.server));
  reactor_.spawn(send(pair_.client, text));
  EXPECT_EQ(reactor_.block_on(read_to_end(pair_.client)), text);
}

TEST_F(StreamTest, CancelEndsAWaitingRead) {
  std::optional<Code> code;
  reactor_.spawn([](TcpStream& stream, std::optional<Code>& out) -> Task<void> {
    std::array<char, 8> buffer;
    out = (co_await stream.read(buffer, kNoDeadline)).error().code;
  }(pair_.server, code));
  pair_.server.watch().cancel(Half::kRead);
  EXPECT_EQ(code, Code::kCancelled);
}

TEST_F(StreamTest, SuspendedReadersAndWritersMayBeDestroyed) {
  TaskScope scope;
  const auto reader = [](TcpStream stream) -> Task<void> {
    std::array<char, 8> buffer;
    (void)co_await stream.read(buffer, kNoDeadline);
    ADD_FAILURE() << "resumed";
  };
  const auto writer = [](TcpStream stream) -> Task<void> {
    const std::string text(32 << 20, 'x');
    (void)co_await stream.write_all(text, 1h);
    ADD_FAILURE() << "resumed";
  };
  reactor_.spawn_into(scope, reader(std::move(pair_.client)));
  reactor_.spawn_into(scope, writer(std::move(pair_.server)));
  scope.cancel_all();
}

TEST(Connect, FailsWhenNobodyListensAndWhenNobodyAnswers) {
  Reactor reactor;
  Endpoint dead;
  {
    dead = TcpListener::bind(reactor, kAnyLoopback)->local();
  }
  EXPECT_EQ(reactor.block_on(connect(dead, reactor.in(5s))).error().code, Code::kUnavailable);

  // A full backlog drops our SYN.
  auto full = TcpListener::bind(reactor, kAnyLoopback, {.backlog = 0});
  std::vector<TcpStream> queued;
  std::optional<Code> code;
  for (int i = 0; i < 8 && !code; ++i) {
    auto stream = reactor.block_on(connect(full->local(), reactor.in(50ms)));
    if (stream)
      queued.push_back(*std::move(stream));
    else
      code = stream.error().code;
  }
  EXPECT_EQ(code, Code::kTimeout);
}

TEST(UnixSocket, ReplacesADeadSocketFileButNotALiveOne) {
  Reactor reactor;
  const TempFolder folder;
  const std::string path = folder.path() / "s";
  {
    const UniqueFd stale(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  {
    auto listener = TcpListener::bind_unix(reactor, path);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(TcpListener::bind_unix(reactor, path).error().code, Code::kUnavailable);
    auto client = reactor.block_on(connect_unix(path, reactor.in(5s)));
    EXPECT_TRUE(client);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(reactor.block_on(connect_unix(path, reactor.in(5s))));
}

TEST(TcpListener, SaysWhenTheProcessIsOutOfDescriptors) {
  Reactor reactor;
  auto listener = TcpListener::bind(reactor, kAnyLoopback);
  const auto accept = [](TcpListener& from) -> Task<Result<TcpStream>> {
    co_return co_await from.accept(Reactor::current().in(5s));
  };
  {
    // Once with descriptors to spare: UBSan needs some to look at an object of a type it has not seen.
    auto other = TcpListener::bind(reactor, kAnyLoopback);
    auto client = reactor.block_on(connect(other->local(), reactor.in(5s)));
    ASSERT_TRUE(client);
    ASSERT_TRUE(reactor.block_on(accept(*other)));
  }
  const UniqueFd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit tight{3, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &tight);
  // Connected only now: io_uring would accept it ahead.
  const SocketAddress address = SocketAddress::of(listener->local());
  ASSERT_EQ(::connect(second.get(), address.data(), address.size), 0);
  const auto refused = reactor.block_on(accept(*listener));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_TRUE(reactor.block_on(accept(*listener)));
}

TEST(TcpListener, SeveralMayShareAPort) {
  Reactor reactor;
  auto first = TcpListener::bind(reactor, kAnyLoopback, {.reuse_port = true});
  ASSERT_TRUE(first);
  EXPECT_TRUE(TcpListener::bind(reactor, first->local(), {.reuse_port = true}));
  EXPECT_EQ(TcpListener::bind(reactor, first->local()).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace yz::io
