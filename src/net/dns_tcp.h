#pragma once

#include <chrono>
#include <cstdint>

#include "base/ip.h"
#include "io/listener.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "net/dns_handler.h"

namespace yz::net {

/// Serves DNS over TCP (RFC 7766) on one reactor: two bytes of length before each message, pipelined queries answered
/// in order, all answers to what one read brought in one write, connections kept until idle.
class DnsTcpServer {
 public:
  struct Options {
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(10);  ///< RFC 7766 §6.2.3
    std::chrono::milliseconds query_timeout = std::chrono::seconds(5);  ///< from a query's first byte to its last
    std::chrono::milliseconds write_stall = std::chrono::seconds(5);
    std::size_t max_connections = 1000;  ///< more are closed at once
    bool reuse_port = false;
  };

  /// `handler` outlives the server.
  DnsTcpServer(io::Reactor& reactor, DnsHandler& handler) : DnsTcpServer(reactor, handler, Options()) {}
  DnsTcpServer(io::Reactor& reactor, DnsHandler& handler, const Options& options);

  /// Starts to serve; port 0 takes a free one. Returns the address in fact bound.
  [[nodiscard]] Result<Endpoint> listen(const Endpoint& endpoint);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Session;
  io::Task<void> accept_loop(io::TcpListener listener);
  io::Task<void> serve(io::TcpStream stream);

  io::Reactor& reactor_;
  DnsHandler& handler_;
  const Options options_;
  io::TaskScope connections_;
  io::TaskScope acceptors_;
};

}  // namespace yz::net
