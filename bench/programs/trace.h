#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/random.h"

namespace yz::bench {

/// Draws ranks 0 … n-1 with probability proportional to 1 / (rank + 1)^skew, in constant time (Walker's alias method).
class Zipf {
 public:
  Zipf(std::uint32_t n, double skew) : keep_(n), alias_(n) {
    std::vector<double> share(n);
    for (std::uint32_t rank = 0; rank < n; ++rank) share[rank] = std::pow(rank + 1.0, -skew);
    const double sum = std::accumulate(share.begin(), share.end(), 0.0);
    std::vector<std::uint32_t> poor;
    std::vector<std::uint32_t> rich;
    for (std::uint32_t rank = 0; rank < n; ++rank) {
      share[rank] *= n / sum;
      (share[rank] < 1 ? poor : rich).push_back(rank);
    }
    while (!poor.empty() && !rich.empty()) {
      const std::uint32_t small = poor.back();
      const std::uint32_t large = rich.back();
      poor.pop_back();
      keep_[small] = share[small];
      alias_[small] = large;
      share[large] -= 1 - share[small];
      if (share[large] < 1) {
        rich.pop_back();
        poor.push_back(large);
      }
    }
    for (const auto* rest : {&poor, &rich}) {
      for (const std::uint32_t rank : *rest) keep_[rank] = 1;
    }
  }

  [[nodiscard]] std::uint32_t draw(Random& random) const {
    const auto column = static_cast<std::uint32_t>(random.below(keep_.size()));
    return random.unit() < keep_[column] ? column : alias_[column];
  }

 private:
  std::vector<double> keep_;
  std::vector<std::uint32_t> alias_;
};

/// Requests as numbers of objects, all of one size.
struct Trace {
  std::vector<std::uint32_t> requests;
  std::uint32_t ids = 0;        ///< all numbers are below it
  std::uint32_t footprint = 0;  ///< different objects asked for
};

struct TraceOptions {
  std::uint32_t population = 1'000'000;  ///< objects that may be asked for again
  std::uint32_t requests = 5'000'000;
  double skew = 1.0;
  double scanned = 0;               ///< share of the requests that belong to scans: runs of objects asked for once
  std::uint32_t scan_run = 10'000;  ///< requests of one scan
  std::uint64_t seed = 1;
};

/// Independent draws by Zipf; scans come in runs between them, as a crawler's or a backup's do.
inline Trace make_trace(const TraceOptions& options) {
  Random random(options.seed);
  const Zipf zipf(options.population, options.skew);
  Trace trace;
  trace.requests.reserve(options.requests);
  std::uint32_t next_scanned = options.population;
  std::vector<bool> seen(options.population);
  const double pause = options.scanned > 0 ? options.scan_run * (1 / options.scanned - 1) : 0;
  double until_scan = pause;
  while (trace.requests.size() < options.requests) {
    if (options.scanned > 0 && until_scan <= 0) {
      until_scan += pause;
      for (std::uint32_t i = 0; i < options.scan_run && trace.requests.size() < options.requests; ++i) {
        trace.requests.push_back(next_scanned++);
        ++trace.footprint;
      }
      continue;
    }
    --until_scan;
    const std::uint32_t id = zipf.draw(random);
    if (!seen[id]) ++trace.footprint;
    seen[id] = true;
    trace.requests.push_back(id);
  }
  trace.ids = next_scanned;
  return trace;
}

}  // namespace yz::bench
