#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "io/reactor.h"
#include "io/stream.h"
#include "net/http_client.h"
#include "net/idle_board.h"

namespace yz::net {

/// A connection to an upstream, between or in requests.
struct UpstreamConnection {
  Upstream upstream;
  std::unique_ptr<io::Stream> stream;
  std::uint64_t served = 0;  ///< requests answered on it
};

/// The idle connections of one client. The one used last is used next, so that what is not needed grows old and is
/// closed. A peer's close is noticed without a system call, from the reactor's events, when a connection is asked for;
/// the others are looked at every few seconds.
class ConnectionPool final : private io::TimerNode {
 public:
  ConnectionPool(io::Reactor& reactor, const HttpClient::Options& options) : reactor_(reactor), options_(options) {}
  ~ConnectionPool() { clear(); }

  /// A live connection, or none.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take(const Upstream& upstream);
  void give(std::unique_ptr<UpstreamConnection> connection);
  [[nodiscard]] std::size_t size() const { return idle_.size(); }
  void clear();

  [[nodiscard]] static std::uint64_t hash_of(const Upstream& upstream);
  /// How many are idle, for other threads to see.
  [[nodiscard]] std::shared_ptr<const IdleBoard::Counts> counts() const { return counts_; }

 private:
  struct Idle {
    std::unique_ptr<UpstreamConnection> connection;
    MonoTime since;
  };
  using Place = std::list<Idle>::iterator;
  struct UpstreamHash {
    std::size_t operator()(const Upstream& upstream) const noexcept { return hash_of(upstream); }
  };

  void on_timer() override;
  [[nodiscard]] bool is_usable(Idle& idle) const;
  void drop(Place place);

  io::Reactor& reactor_;
  const HttpClient::Options options_;
  std::shared_ptr<IdleBoard::Counts> counts_ = std::make_shared<IdleBoard::Counts>();  // shared with the board
  std::list<Idle> idle_;                                                               // the oldest first
  std::unordered_map<Upstream, std::vector<Place>, UpstreamHash> by_upstream_;
};

}  // namespace yz::net
