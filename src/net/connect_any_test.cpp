#include "net/connect_any.h"

#include <array>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "io/listener.h"
#include "io/socket.h"
#include "net/test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::kAnyLoopback;

IpAddress v4(std::uint32_t low) { return IpAddress::v4(0x0a000000 + low); }
IpAddress v6(std::uint8_t low) {
  std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  bytes[15] = low;
  return IpAddress::v6(bytes);
}

TEST(ConnectionOrder, FamiliesTakeTurnsFromTheOneTheSystemPrefers) {
  const std::vector<IpAddress> mixed = {v6(1), v6(2), v4(1), v4(2), v4(3)};
  EXPECT_EQ(connection_order(mixed, 0), (std::vector{v6(1), v4(1), v6(2), v4(2), v4(3)}));
  EXPECT_EQ(connection_order(mixed, 1), (std::vector{v6(2), v4(2), v6(1), v4(3), v4(1)}));
  EXPECT_EQ(connection_order(std::vector{v4(7)}, 12345), std::vector{v4(7)});
}

class ConnectAny : public ::testing::Test {
 protected:
  Result<io::TcpStream> connect(std::vector<Endpoint> endpoints, std::chrono::milliseconds stagger,
                                std::chrono::milliseconds patience = 5s) {
    return reactor_.block_on(connect_any(std::move(endpoints), stagger, reactor_.in(patience)));
  }
  static Endpoint closed_port(io::Reactor& reactor) { return io::TcpListener::bind(reactor, kAnyLoopback)->local(); }

  io::Reactor reactor_;
  io::TcpListener listener_ = std::move(io::TcpListener::bind(reactor_, kAnyLoopback)).value();
};

TEST_F(ConnectAny, ARefusalLeadsToTheNextAtOnce) {
  const auto stream = connect({closed_port(reactor_), closed_port(reactor_), listener_.local()}, 1h);
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->peer(), listener_.local());
}

/// A listener whose queue is full: the system lets further connection attempts wait without a word.
class SilentServer {
 public:
  SilentServer() {
    auto address = io::SocketAddress::of(kAnyLoopback);
    EXPECT_EQ(::bind(listener_.get(), address.data(), address.size), 0);
    EXPECT_EQ(::listen(listener_.get(), 0), 0);
    at = io::local_endpoint(listener_.get()).value();
    const auto to = io::SocketAddress::of(at);
    for (UniqueFd& filler : fillers_) {
      filler = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(filler.get(), to.data(), to.size);
    }
  }
  Endpoint at;

 private:
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::array<UniqueFd, 4> fillers_;
};

TEST_F(ConnectAny, AnAddressThatIsSilentDelaysTheNextOnlyForTheStagger) {
  const SilentServer silent;
  EXPECT_EQ(connect({silent.at}, 5ms, 30ms).error().code, Code::kTimeout);
  const auto stream = connect({silent.at, listener_.local()}, 5ms);
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->peer(), listener_.local());
}

TEST_F(ConnectAny, FailsWhenAllAreRefused) {
  const auto stream = connect({closed_port(reactor_), closed_port(reactor_)}, 5ms);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace yz::net
