#include "cli/cluster/greeting.h"

#include <array>

#include "io/tcp_stream.h"

namespace yz::cli {

io::Task<std::string> greeting_of(std::uint16_t port, MonoTime deadline) {
  const Endpoint endpoint{IpAddress::v4(0x7f000001), port};
  auto stream = co_await io::connect(endpoint, deadline);
  if (!stream) co_return "";
  std::array<char, 256> greeting{};
  const auto size = co_await stream->read(greeting, deadline);
  co_return size ? std::string(greeting.data(), *size) : "";
}

}  // namespace yz::cli
