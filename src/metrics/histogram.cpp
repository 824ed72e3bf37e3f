#include "metrics/histogram.h"

#include <algorithm>
#include <cmath>

namespace yz::metrics {

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot all;
  all.buckets.assign(kBuckets, 0);
  if (first_ == kDiscardSlot) return all;
  for (std::uint32_t b = 0; b < kBuckets; ++b) {
    all.buckets[b] = sum_slot(first_ + b);
    all.count += all.buckets[b];
  }
  all.sum = sum_slot(first_ + kBuckets);
  return all;
}

std::uint64_t Histogram::Snapshot::quantile(double quantile) const {
  if (count == 0) return 0;
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count))));
  std::uint64_t seen = 0;
  for (std::uint32_t b = 0; b < buckets.size(); ++b) {
    seen += buckets[b];
    if (seen >= rank) return upper_bound(b);
  }
  return upper_bound(kBuckets - 1);
}

}  // namespace yz::metrics
