#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/tls.h"

namespace yz::net {

namespace {

/// The protocol can only be put upon a connected socket: makes a connection to ourselves.
bool try_kernel_tls() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* name = reinterpret_cast<sockaddr*>(&at);
  if (::bind(listener.get(), name, size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), name, &size) != 0 || ::connect(client.get(), name, size) != 0) {
    return false;
  }
  return ::setsockopt(client.get(), SOL_TCP, TCP_ULP, "tls", sizeof "tls") == 0;
}

}  // namespace

bool kernel_has_tls() {
  static const bool kHas = try_kernel_tls();
  return kHas;
}

}  // namespace yz::net
