#include "net/address_quota.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "io/reactor_thread.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace yz::net {
namespace {

IpAddress at(const char* text) { return IpAddress::parse(text).value(); }

TEST(AddressQuota, AnAddressHasSoManyConnectionsAndNoMore) {
  AddressQuota quota(2);
  EXPECT_TRUE(quota.enter(at("192.0.2.1")));
  EXPECT_TRUE(quota.enter(at("::ffff:192.0.2.1")));
  EXPECT_FALSE(quota.enter(at("192.0.2.1")));
  EXPECT_TRUE(quota.enter(at("192.0.2.2")));
  quota.leave(at("192.0.2.1"));
  EXPECT_TRUE(quota.enter(at("192.0.2.1")));
  EXPECT_EQ(quota.addresses(), 2U);
  for (const char* left : {"192.0.2.1", "192.0.2.1", "192.0.2.2"}) quota.leave(at(left));
  EXPECT_EQ(quota.addresses(), 0U);
}

TEST(AddressQuota, OneClientOfIpv6IsASlash64) {
  AddressQuota quota(1);
  EXPECT_TRUE(quota.enter(at("2001:db8:0:1::1")));
  EXPECT_FALSE(quota.enter(at("2001:db8:0:1:ffff::2")));
  EXPECT_TRUE(quota.enter(at("2001:db8:0:2::1")));
}

TEST(AddressQuota, ThisMachineAndNoLimitAreNotCounted) {
  AddressQuota quota(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(quota.enter(at("127.0.0.1")));
    EXPECT_TRUE(quota.enter(at("::1")));
  }
  EXPECT_TRUE(quota.enter(at("127.0.0.2")));
  EXPECT_FALSE(quota.enter(at("127.0.0.2")));
  AddressQuota none(0);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(none.enter(at("192.0.2.1")));
}

/// A connection to `server` from another loopback address.
UniqueFd connect_from(const char* source, const Endpoint& server) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = ::inet_addr(source);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return fd;
}

bool is_served(const UniqueFd& fd) {
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
  (void)::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, 0) == 1;
}

TEST(AddressQuota, AServerClosesWhatIsOverAnAddressesShare) {
  testing::FunctionHandler handler(
      [](Exchange& exchange) -> io::Task<void> { (void)co_await exchange.respond_text(200, "text/plain", "ok"); });
  io::ReactorThread thread("server");
  std::unique_ptr<HttpServer> server;
  Endpoint endpoint;
  thread.run_and_wait([&](io::Reactor& reactor) {
    HttpServerOptions options;
    options.max_per_address = 2;
    server = std::make_unique<HttpServer>(reactor, handler, options);
    endpoint = server->listen(testing::kAnyLoopback).value();
  });
  {
    const UniqueFd first = connect_from("127.0.0.9", endpoint);
    const UniqueFd second = connect_from("127.0.0.9", endpoint);
    EXPECT_TRUE(is_served(first));
    EXPECT_TRUE(is_served(second));
    const UniqueFd third = connect_from("127.0.0.9", endpoint);
    EXPECT_FALSE(is_served(third));
    const UniqueFd other = connect_from("127.0.0.10", endpoint);
    EXPECT_TRUE(is_served(other));
  }
  thread.run_and_wait([&](io::Reactor&) {
    EXPECT_EQ(server->counts().over_quota, 1U);
    server.reset();
  });
}

}  // namespace
}  // namespace yz::net
