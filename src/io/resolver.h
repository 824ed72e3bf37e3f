#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "io/blocking_pool.h"
#include "io/task.h"

namespace yz::io {

/// Host names to addresses, by the system's resolver (getaddrinfo) on a pool's threads, with a cache for all reactors.
/// The system tells no TTL, so a name is asked again, behind the back of those who use it, when its answer is older
/// than `Options::fresh`; a first answer is waited for, and asked for once however many wait. When a later try fails
/// the old addresses are used for as long as `Options::stale`. Any thread may call;
/// the pool outlives it.
class Resolver {
 public:
  using LookUp = std::function<Result<std::vector<IpAddress>>(const std::string& host)>;

  struct Options {
    std::chrono::milliseconds fresh = std::chrono::seconds(30);
    std::chrono::milliseconds stale = std::chrono::hours(24);
    std::chrono::milliseconds failure = std::chrono::seconds(2);    ///< a failure is remembered
    std::chrono::milliseconds suspicion = std::chrono::seconds(2);  ///< suspect() asks anew no more often
    std::size_t max_names = 10'000;
    LookUp look_up;  ///< on a pool thread; none: resolve_blocking
  };

  explicit Resolver(BlockingPool& pool) : Resolver(pool, Options()) {}
  Resolver(BlockingPool& pool, Options options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// The host's addresses, at least one; an address literal (with or without brackets) is returned as it is. Fails with
  /// kNotFound or kTimeout, blamed on the origin.
  [[nodiscard]] Task<Result<std::vector<IpAddress>>> resolve(std::string host, MonoTime deadline);
  /// None of the host's addresses answered: it is asked for anew, though its answer be fresh. Does not wait.
  void suspect(const std::string& host);

 private:
  struct Cache;
  BlockingPool& pool_;
  std::shared_ptr<Cache> cache_;  // shared with look-ups under way
};

/// getaddrinfo, now, on this thread. Fails with kNotFound.
[[nodiscard]] Result<std::vector<IpAddress>> resolve_blocking(const std::string& host);

}  // namespace yz::io
