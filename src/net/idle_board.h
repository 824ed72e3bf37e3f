#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "io/reactor.h"
#include "io/task.h"
#include "net/http_client.h"

namespace yz::net {

class ConnectionPool;
struct UpstreamConnection;

/// Where the clients of several reactors see which of them have idle connections, so that one without takes one of
/// another's instead of making its own: with TLS, or over a distance, that saves the handshake and keeps what the
/// connection has learned of the path. Counts are by hash and may mislead, which costs a question in vain. Any thread.
class IdleBoard {
 public:
  /// Idle connections of one client, by the hash of their upstream. Written by its thread, read by others.
  class Counts {
   public:
    void add(std::uint64_t hash, int by) {
      auto& cell = cells_[hash % kCells];
      cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    [[nodiscard]] bool has(std::uint64_t hash) const {
      return cells_[hash % kCells].load(std::memory_order_relaxed) > 0;
    }

   private:
    static constexpr std::size_t kCells = 256;
    std::array<std::atomic<int>, kCells> cells_{};
  };

  /// The pool of the current reactor takes part until it is gone.
  void join(const std::shared_ptr<ConnectionPool>& pool);

  /// A connection that another member had idle, now on the current reactor; null when none had, or when it did not
  /// answer within `patience`: what comes then goes to the asking pool.
  [[nodiscard]] io::Task<std::unique_ptr<UpstreamConnection>> take_elsewhere(std::shared_ptr<ConnectionPool> asking,
                                                                             Upstream upstream,
                                                                             std::chrono::milliseconds patience);

 private:
  struct Member {
    std::shared_ptr<io::Remote> remote;
    std::weak_ptr<ConnectionPool> pool;  // touched on its thread alone
    std::shared_ptr<const Counts> counts;
  };
  [[nodiscard]] std::shared_ptr<Member> find(const ConnectionPool& asking, std::uint64_t hash) const;

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Member>> members_;  // guarded by mutex_
};

}  // namespace yz::net
