#pragma once

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/ip.h"
#include "base/result.h"

namespace yz::io {

/// A socket address as the system calls want it, with its length.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  [[nodiscard]] static SocketAddress of(const Endpoint& endpoint);
  /// Fails with kInvalid when the path is longer than 107 bytes. A leading '@' means the abstract name space.
  [[nodiscard]] static Result<SocketAddress> of_path(const std::string& path);
  /// The address and port; 0.0.0.0:0 for a unix socket. IPv4-mapped IPv6 becomes IPv4.
  [[nodiscard]] Endpoint endpoint() const;

  [[nodiscard]] sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

/// A non-blocking, close-on-exec socket; TCP ones with Nagle's algorithm off. `type` is SOCK_STREAM or SOCK_DGRAM.
[[nodiscard]] Result<UniqueFd> make_socket(int family, int type);
/// The address a socket is bound to.
[[nodiscard]] Result<Endpoint> local_endpoint(int fd);

}  // namespace yz::io
