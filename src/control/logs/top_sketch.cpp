#include "control/logs/top_sketch.h"

#include <algorithm>

namespace yz::control {

void TopSketch::add(std::string_view value, std::uint64_t requests, std::uint64_t bytes) {
  auto it = sums_.find(value);
  if (it == sums_.end()) {
    if (sums_.size() >= 2 * capacity_) halve();
    it = sums_.emplace(value, Sum{.error = floor_}).first;
  }
  it->second.requests += requests;
  it->second.bytes += bytes;
}

/// Leaves the heavier half of twice the capacity.
void TopSketch::halve() {
  std::vector<std::uint64_t> upper;
  upper.reserve(sums_.size());
  for (const auto& [value, sum] : sums_) upper.push_back(weight_of(sum) + sum.error);
  const auto middle = upper.begin() + static_cast<std::ptrdiff_t>(upper.size() / 2);
  std::nth_element(upper.begin(), middle, upper.end());
  const std::uint64_t most = *middle;
  std::erase_if(sums_, [&](const auto& item) { return weight_of(item.second) + item.second.error <= most; });
  floor_ = std::max(floor_, most);
}

void TopSketch::add(const TopSketch& other) {
  for (auto& [value, sum] : sums_) {
    if (!other.sums_.contains(value)) sum.error += other.floor_;
  }
  const std::uint64_t floor = floor_;
  for (const auto& [value, sum] : other.sums_) {
    const auto [it, is_new] = sums_.try_emplace(value, Sum{.error = floor});
    it->second.requests += sum.requests;
    it->second.bytes += sum.bytes;
    it->second.error += sum.error;
  }
  floor_ = floor + other.floor_;
  if (sums_.size() > 2 * capacity_) halve();
}

std::vector<TopSketch::Item> TopSketch::top(std::size_t count) const {
  std::vector<const std::pair<const std::string, Sum>*> all;
  all.reserve(sums_.size());
  for (const auto& item : sums_) all.push_back(&item);
  const auto is_before = [this](const auto* a, const auto* b) {
    const std::uint64_t of_a = weight_of(a->second);
    const std::uint64_t of_b = weight_of(b->second);
    return of_a != of_b ? of_a > of_b : a->first < b->first;
  };
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), is_before);
  std::vector<Item> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Sum& sum = all[i]->second;
    out.push_back({all[i]->first, sum.requests, sum.bytes, sum.error});
  }
  return out;
}

}  // namespace yz::control
