#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "io/blocking_pool.h"
#include "io/task.h"

namespace yz::io {

/// Host names to addresses, by the system's resolver (getaddrinfo) on a pool's threads, with a cache for all reactors.
/// The system tells no TTL, so answers live for `Options::fresh`; when a later try fails the old answer is used for as
/// long as `Options::stale`. Any thread may call.
class Resolver {
 public:
  struct Options {
    std::chrono::milliseconds fresh = std::chrono::seconds(30);
    std::chrono::milliseconds stale = std::chrono::minutes(10);
    std::chrono::milliseconds failure = std::chrono::seconds(2);  ///< a failure is remembered
    std::size_t max_names = 10'000;
  };

  explicit Resolver(BlockingPool& pool) : Resolver(pool, Options()) {}
  Resolver(BlockingPool& pool, const Options& options);

  /// The host's addresses, at least one; an address literal (with or without brackets) is returned as it is. Fails with
  /// kNotFound or kTimeout, blamed on the origin.
  [[nodiscard]] Task<Result<std::vector<IpAddress>>> resolve(std::string host, MonoTime deadline);

 private:
  struct Entry {
    std::vector<IpAddress> addresses;
    MonoTime answered;    // when `addresses` were told
    MonoTime asked;       // the last try
    bool failed = false;  // the last try
  };
  struct Cache;

  BlockingPool& pool_;
  Options options_;
  std::shared_ptr<Cache> cache_;
};

/// getaddrinfo, now, on this thread. Fails with kNotFound.
[[nodiscard]] Result<std::vector<IpAddress>> resolve_blocking(const std::string& host);

}  // namespace yz::io
