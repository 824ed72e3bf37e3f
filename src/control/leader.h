#pragma once

#include <atomic>
#include <string>

#include "io/blocking_pool.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "store/database.h"

namespace yz::control {

/// The refresh master's lease in the database: held by one instance of control at a time, renewed at a third of its
/// length, trusted until a margin before its end. Belongs to the reactor's thread; is_held() is for any.
class Leader final {
 public:
  static constexpr std::chrono::milliseconds kLength{6'000};
  static constexpr std::chrono::milliseconds kMargin{1'000};

  Leader(io::Reactor& reactor, store::Database& database, io::BlockingPool& pool, const Clock& clock,
         std::string holder);

  /// Tries once, at the start. Blocks.
  [[nodiscard]] Status try_now();
  /// Keeps trying and renewing from now on.
  void start();
  /// Gives the lease back. Blocks.
  void release();
  [[nodiscard]] bool is_held() const;

 private:
  [[nodiscard]] Status acquire();
  io::Task<void> renew();

  io::Reactor& reactor_;
  store::Database& database_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  const std::string holder_;
  std::atomic<std::int64_t> held_until_ms_{0};
  io::TaskScope scope_;
};

}  // namespace yz::control
