#include "delay_line.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

namespace yz::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &out.sin_addr);
  return out;
}

/// A listener on the loopback, and its port.
std::pair<UniqueFd, std::uint16_t> listen_here() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = address_of("127.0.0.1", 0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {std::move(fd), ntohs(address.sin_port)};
}

UniqueFd connect_to(const std::string& host, std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in address = address_of(host, port);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string read_all(int fd, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  for (ssize_t n = 0; got < size && (n = ::read(fd, out.data() + got, size - got)) > 0;) {
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return out;
}

TEST(DelayLine, HoldsEveryByteBackAndKeepsTheirOrder) {
  auto [listener, port] = listen_here();
  auto line =
      DelayLine::start(port, [](std::uint32_t path) { return path == 1'000 ? PathDelay{20ms, 50ms} : PathDelay{}; });
  ASSERT_TRUE(line);
  const auto begun = Clock::now();
  const UniqueFd client = connect_to(path_address(1'000), (*line)->port());
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += static_cast<char>(i * 7);
  ASSERT_EQ(::write(client.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  const UniqueFd server(::accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(read_all(server.get(), text.size()), text);
  EXPECT_GE(Clock::now() - begun, 90ms);  // setting up and the way there
  const auto answered = Clock::now();
  ASSERT_EQ(::write(server.get(), "yes", 3), 3);
  EXPECT_EQ(read_all(client.get(), 3), "yes");
  EXPECT_GE(Clock::now() - answered, 50ms);
  ::shutdown(server.get(), SHUT_RDWR);
  EXPECT_EQ(read_all(client.get(), 1), "");
}

TEST(DelayLine, EndsTheConnectionWhenTheServerIsNotThere) {
  auto [listener, port] = listen_here();
  listener.reset();
  auto line = DelayLine::start(port, [](std::uint32_t) { return PathDelay{5ms, 5ms}; });
  ASSERT_TRUE(line);
  const UniqueFd client = connect_to(path_address(0), (*line)->port());
  EXPECT_EQ(read_all(client.get(), 1), "");
}

TEST(DelayLine, TurnsAwayWhatComesFromElsewhere) {
  auto [listener, port] = listen_here();
  auto line = DelayLine::start(port, [](std::uint32_t) { return PathDelay{}; });
  ASSERT_TRUE(line);
  const UniqueFd client = connect_to("127.0.0.1", (*line)->port());
  EXPECT_EQ(read_all(client.get(), 1), "");
}

}  // namespace
}  // namespace yz::bench
