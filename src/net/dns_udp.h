#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "io/udp_socket.h"
#include "net/dns_handler.h"

namespace yz::net {

/// Serves DNS over UDP on threads of its own, one socket each on the same port (SO_REUSEPORT). A batch of queries costs
/// one recvmmsg and one sendmmsg; replies leave from the address that was asked.
class DnsUdpServer {
 public:
  struct Options {
    unsigned threads = 1;
    std::size_t batch = 32;
  };
  using MakeHandler = std::function<std::unique_ptr<DnsHandler>(unsigned thread)>;

  /// Binds all sockets (port 0: one free port for all), then starts the threads. `make` runs here, once per thread.
  [[nodiscard]] static Result<std::unique_ptr<DnsUdpServer>> start(const Endpoint& endpoint, const Options& options,
                                                                   const MakeHandler& make);
  /// Stops and joins; within 250 ms.
  ~DnsUdpServer();

  [[nodiscard]] const Endpoint& local() const { return local_; }
  /// Datagrams received and replies sent so far. Any thread.
  [[nodiscard]] std::uint64_t queries() const;
  [[nodiscard]] std::uint64_t replies() const;

 private:
  struct Worker;
  DnsUdpServer() = default;
  void run(Worker& worker);

  std::atomic<bool> is_stopping_{false};
  Endpoint local_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace yz::net
