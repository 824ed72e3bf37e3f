#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/ip.h"
#include "io/reactor.h"

namespace yz::net {

class HttpServer;

/// Evens out what the kernel's hash gives to servers that share their ports (SO_REUSEPORT), one a reactor: with a few
/// dozen connections that live long, one core has twice the work of another. A server that has clearly more connections
/// than another hands the next one over to the one with the fewest. An accept looks at one counter a server and takes
/// no lock.
class AcceptBalance : public std::enable_shared_from_this<AcceptBalance> {
 public:
  /// So many servers, with seats 0, 1, …
  explicit AcceptBalance(std::size_t servers) : seats_(servers) {}

  /// The server gives and takes from now on. On its reactor's thread, as are the other calls for a seat of one's own.
  void open(std::size_t seat, HttpServer& server, io::Reactor& reactor);
  /// What is on its way to it is closed on arrival.
  void close(std::size_t seat);
  void add(std::size_t seat, std::int32_t connections) {
    seats_[seat].connections.fetch_add(connections, std::memory_order_relaxed);
  }
  /// Who is to serve a connection that `seat` accepted, if not itself: the one with the fewest, when `seat` has more
  /// than that by an eighth and two.
  [[nodiscard]] std::optional<std::size_t> better_than(std::size_t seat) const;
  /// To the server at `seat`, which counts it from now on, as if it came in by the listener of that number. Any thread.
  void give(std::size_t seat, UniqueFd fd, const Endpoint& peer, std::size_t listener);
  [[nodiscard]] std::int32_t connections(std::size_t seat) const {
    return seats_[seat].connections.load(std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Seat {
    std::atomic<bool> is_open{false};
    std::atomic<std::int32_t> connections{0};  // open, and on their way
    std::shared_ptr<io::Remote> remote;        // set before is_open
    HttpServer* server = nullptr;              // null when it is closed; its reactor's thread only
  };
  std::vector<Seat> seats_;
};

}  // namespace yz::net
