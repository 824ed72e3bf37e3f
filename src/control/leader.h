#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "io/blocking_pool.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "store/database.h"
#include "store/lease_store.h"

namespace yz::control {

/// Which instance of control leads, by a lease in the database: one at a time, renewed well before its end, trusted
/// until a margin before it. The leader holds the nodes' sessions and does what must not be done twice; every instance
/// takes changes and refreshes. Belongs to the reactor's thread; is_held() and leads() are for any.
class Leader final {
 public:
  struct Options {
    std::chrono::milliseconds length{4'000};
    std::chrono::milliseconds margin{700};
    std::chrono::milliseconds look_every{300};  ///< whether the lease has become free
    /// How long a leader that cannot reach the database keeps its sessions after the lease ended: nobody else can take
    /// it while the database is away for all.
    std::chrono::milliseconds patience{15'000};
  };
  /// Told of each change of leads(), on the reactor's thread.
  using Listener = std::function<void(bool leads)>;

  Leader(io::Reactor& reactor, store::Database& database, io::BlockingPool& pool, const Clock& clock,
         std::string instance, Options options);

  /// The URL of this instance's API, for those who find it leading. Before try_now().
  void set_address(std::string address) { address_ = std::move(address); }
  void set_listener(Listener listener) { listener_ = std::move(listener); }
  /// Tries once, at the start; the listener is not told. Blocks.
  [[nodiscard]] Status try_now();
  /// Keeps trying and renewing from now on.
  void start();
  /// Gives the lease back. Blocks.
  void release();

  /// The lease is certainly ours: for what must not happen twice.
  [[nodiscard]] bool is_held() const;
  /// The lease is or was ours and nobody else was seen with it: for what may happen twice without harm.
  [[nodiscard]] bool leads() const { return leads_.load(std::memory_order_acquire); }
  /// The API of the instance that leads, as it was last seen; empty when nobody does, or it is this one.
  [[nodiscard]] const std::string& address_of_leader() const { return other_address_; }
  [[nodiscard]] const std::string& name_of_leader() const { return holder_; }

 private:
  struct Seen {
    store::Lease lease;
    std::string address;  // of another holder
  };
  [[nodiscard]] Result<Seen> attempt();
  void settle(const Seen& seen);
  void stop_leading();
  io::Task<void> keep();

  io::Reactor& reactor_;
  store::Database& database_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  const std::string instance_;
  const Options options_;
  std::string address_;
  Listener listener_;
  std::string holder_;
  std::string other_address_;
  bool is_failing_ = false;  // the last attempt did
  std::atomic<bool> leads_{false};
  std::atomic<std::int64_t> held_until_ms_{0};
  io::TaskScope scope_;
};

}  // namespace yz::control
