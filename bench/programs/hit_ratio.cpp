/// Hit ratios of the cache room on generated traces, beside simulated caches that hold as many objects: an ideal
/// S3-FIFO and LRU. The real cache gets as many bytes as head, body and 100 bytes each of that many objects come to, so
/// what it needs beyond that costs it hits. Prints one JSON line a trace and size. Counted is the second half of each
/// trace.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cache/cache.h"
#include "simulated_caches.h"
#include "trace.h"

namespace yz::bench {
namespace {

constexpr std::size_t kBody = 1024;
constexpr std::size_t kAllowedOverhead = 100;
constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: image/webp\r\nCache-Control: public, max-age=86400\r\n"
    "ETag: \"5f3c-9a8b7c6d5e4f\"\r\nLast-Modified: Wed, 21 Oct 2026 07:28:00 GMT\r\nDate: Sat, 21 Nov 2026 06:00:00 "
    "GMT\r\n"
    "Server: origin\r\n";

/// The cache room as the edge uses it: look up, store what was not found.
class RealCache {
 public:
  explicit RealCache(double memory) : body_(kBody, 'b') {
    cache::CacheOptions options;
    options.memory = ByteCount{static_cast<std::uint64_t>(memory)};
    auto opened = cache::Cache::open(std::move(options));
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      std::exit(1);
    }
    cache_ = std::move(*opened);
  }

  bool ask(std::uint32_t id) {
    const std::string target = "/objects/" + std::to_string(id);
    const Hash128 primary = cache::primary_key("bench.example", target);
    if (cache_->lookup(primary, [](std::string_view) { return Hash128{}; }).object) return true;
    cache::ObjectMeta meta;
    meta.key.primary = primary;
    meta.base = cache::base_id("bench.example", target);
    meta.lifetime = std::chrono::hours(24);
    meta.content_length = body_.size();
    meta.head_before_age = kHead;
    meta.host = "bench.example";
    meta.target = target;
    (void)cache_->store(meta, body_);
    return false;
  }

  [[nodiscard]] std::uint64_t objects() const { return cache_->stats().objects; }

 private:
  std::string body_;
  std::unique_ptr<cache::Cache> cache_;
};

/// Hits per request of the trace's second half.
template <typename AnyCache>
double hit_ratio(const Trace& trace, AnyCache& cache) {
  const std::size_t half = trace.requests.size() / 2;
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const bool hit = cache.ask(trace.requests[i]);
    if (i >= half && hit) ++hits;
  }
  return static_cast<double>(hits) / static_cast<double>(trace.requests.size() - half);
}

void compare(std::string_view name, const Trace& trace, double share) {
  const auto capacity = static_cast<std::uint32_t>(trace.footprint * share);
  const double memory = static_cast<double>(capacity) * (kHead.size() + kBody + kAllowedOverhead);
  SimulatedLru lru(trace.ids, capacity);
  SimulatedS3Fifo ideal(trace.ids, capacity);
  RealCache real(memory);
  const double lru_ratio = hit_ratio(trace, lru);
  const double ideal_ratio = hit_ratio(trace, ideal);
  const double real_ratio = hit_ratio(trace, real);
  // Once more with as much memory as it takes to hold as many objects: its policy apart from its overhead.
  RealCache equal(memory * capacity / static_cast<double>(real.objects()));
  const double equal_ratio = hit_ratio(trace, equal);
  fmt::print(R"({{"trace": "{}", "share": {}, "footprint": {}, "capacity": {}, "lru": {:.5f}, "s3fifo": {:.5f}, )"
             R"("yizhan": {:.5f}, "objects": {}, "equal": {:.5f}, "equal_objects": {}}})"
             "\n",
             name, share, trace.footprint, capacity, lru_ratio, ideal_ratio, real_ratio, real.objects(), equal_ratio,
             equal.objects());
  std::fflush(stdout);
}

}  // namespace
}  // namespace yz::bench

/// hit_ratio [POPULATION [REQUESTS]]
int main(int argc, char** argv) {
  using namespace yz::bench;
  TraceOptions options;
  if (argc > 1) options.population = static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10));
  if (argc > 2) options.requests = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
  struct Kind {
    std::string_view name;
    double skew;
    double scanned;
  };
  for (const Kind& kind :
       {Kind{"Zipf 0.8", 0.8, 0}, Kind{"Zipf 1.0", 1.0, 0}, Kind{"Zipf 1.0, a fifth of it scans", 1.0, 0.2}}) {
    options.skew = kind.skew;
    options.scanned = kind.scanned;
    const Trace trace = make_trace(options);
    for (const double share : {0.01, 0.05, 0.25}) compare(kind.name, trace, share);
  }
}
