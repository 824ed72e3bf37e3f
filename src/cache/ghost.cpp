#include "cache/ghost.h"

#include <algorithm>
#include <bit>

namespace yz::cache {

namespace {

std::uint32_t fingerprint_of(Hash128 slot) {
  const auto f = static_cast<std::uint32_t>(slot.high >> 32);
  return f == 0 ? 1 : f;
}

std::size_t rounded(std::size_t names) { return std::bit_ceil(std::max<std::size_t>(names, 8)); }

}  // namespace

Ghost::Ghost(std::size_t names, std::uint64_t memory)
    : names_(rounded(names)),
      unit_(std::max<std::uint64_t>(1, memory >> 20)),
      lifetime_(static_cast<std::uint32_t>(memory / unit_)) {}

std::size_t Ghost::bytes_for(std::size_t names) { return rounded(names) * sizeof(Name); }

Ghost::Name* Ghost::bucket_of(Hash128 slot) {
  const std::size_t buckets = names_.size() / kWays;
  return &names_[(slot.low & (buckets - 1)) * kWays];
}

void Ghost::add(Hash128 slot, std::uint64_t weight) {
  bytes_ += weight;
  Name* const bucket = bucket_of(slot);
  Name* place = bucket;
  for (std::size_t i = 0; i < kWays; ++i) {
    if (bucket[i].fingerprint == 0) {
      place = &bucket[i];
      break;
    }
    if (now() - bucket[i].at > now() - place->at) place = &bucket[i];
  }
  *place = {fingerprint_of(slot), now()};
}

bool Ghost::take(Hash128 slot) {
  Name* const bucket = bucket_of(slot);
  for (std::size_t i = 0; i < kWays; ++i) {
    if (bucket[i].fingerprint != fingerprint_of(slot)) continue;
    const bool is_recent = now() - bucket[i].at <= lifetime_;
    bucket[i] = {};
    return is_recent;
  }
  return false;
}

}  // namespace yz::cache
