#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/message.h"
#include "io/list.h"
#include "io/reactor.h"
#include "io/stream.h"
#include "net/http_client.h"
#include "net/idle_board.h"

namespace yz::net {

struct UpstreamConnection;

/// What is idle of the connections to one upstream, the one used last at the end. Shared with those in use, so that
/// they come back without a look-up; of the pool's thread.
struct UpstreamShelf {
  explicit UpstreamShelf(const Upstream& of);
  const Upstream upstream;
  const std::uint64_t hash;
  io::ListLink idle;
  std::size_t count = 0;
};

/// A connection to an upstream, between or in requests.
struct UpstreamConnection {
  struct Link : io::ListLink {
    explicit Link(UpstreamConnection& connection) : owner(connection) {}
    UpstreamConnection& owner;
  };

  Upstream upstream;
  std::unique_ptr<io::Stream> stream;
  std::uint64_t served = 0;  ///< requests answered on it
  // Of the pool it is idle in:
  MonoTime idle_since;
  std::shared_ptr<UpstreamShelf> shelf;  // null: not known yet
  Link on_shelf{*this};
  Link by_age{*this};
};

/// What a request needs until its response is over: kept between two, so that it is warm and nothing is allocated.
struct ClientScratch {
  static constexpr std::size_t kBufferSize = 16 * 1024;

  http::ResponseHead head;
  std::string request;  ///< its head, as it goes on the wire
  std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
};

/// The idle connections of one client. The one used last is used next, so that what is not needed grows old and is
/// closed. A peer's close is noticed without a system call, from the reactor's events, when a connection is asked for;
/// the others are looked at every few seconds. Giving and taking allocate nothing.
class ConnectionPool final : private io::TimerNode {
 public:
  ConnectionPool(io::Reactor& reactor, const HttpClient::Options& options) : reactor_(reactor), options_(options) {}
  ~ConnectionPool() { clear(); }

  /// A live connection, or none.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take(const Upstream& upstream);
  void give(std::unique_ptr<UpstreamConnection> connection);
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear();
  /// The client is gone: what comes back from now on is closed.
  void close();

  [[nodiscard]] std::unique_ptr<ClientScratch> take_scratch();
  void give_scratch(std::unique_ptr<ClientScratch> scratch);

  [[nodiscard]] static std::uint64_t hash_of(const Upstream& upstream);
  /// How many are idle, for other threads to see.
  [[nodiscard]] std::shared_ptr<const IdleBoard::Counts> counts() const { return counts_; }

 private:
  struct UpstreamHash {
    std::size_t operator()(const Upstream& upstream) const noexcept { return hash_of(upstream); }
  };

  void on_timer() override;
  [[nodiscard]] bool is_usable(const UpstreamConnection& idle) const;
  [[nodiscard]] UpstreamShelf* find_shelf(const Upstream& upstream);
  /// Takes it out of all lists.
  [[nodiscard]] std::unique_ptr<UpstreamConnection> remove(UpstreamConnection& idle);

  io::Reactor& reactor_;
  const HttpClient::Options options_;
  std::shared_ptr<IdleBoard::Counts> counts_ = std::make_shared<IdleBoard::Counts>();  // shared with the board
  bool is_closed_ = false;
  std::size_t size_ = 0;
  io::ListLink by_age_;  // all that are idle, the oldest first
  std::unordered_map<Upstream, std::shared_ptr<UpstreamShelf>, UpstreamHash> shelves_;
  UpstreamShelf* last_found_ = nullptr;  // of shelves_: mostly it is asked for again
  std::vector<std::unique_ptr<ClientScratch>> spare_;
};

}  // namespace yz::net
