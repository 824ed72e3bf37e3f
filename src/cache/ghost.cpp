#include "cache/ghost.h"

#include <algorithm>
#include <cstdlib>

#include "base/result.h"

namespace yz::cache {

namespace {

constexpr std::uint64_t kTicks = 4096;  ///< of a lifetime

std::uint16_t fingerprint_of(Hash128 slot) {
  const auto f = static_cast<std::uint16_t>(slot.high >> 32);
  return f == 0 ? 1 : f;
}

}  // namespace

void Ghost::Free::operator()(Name* names) const { std::free(names); }

Ghost::Ghost(std::size_t names, std::uint64_t memory)
    : buckets_(bytes_for(names) / sizeof(Name) / kWays),
      // Zeroed by the system: pages that no name is in take no memory.
      names_(static_cast<Name*>(std::calloc(buckets_ * kWays, sizeof(Name)))),
      unit_(std::max<std::uint64_t>(1, memory / kTicks)),
      lifetime_(static_cast<std::uint16_t>(std::min(memory / unit_, kTicks))) {
  YZ_ASSERT(names_ != nullptr);
}

std::size_t Ghost::bytes_for(std::size_t names) {
  return (std::max<std::size_t>(names, kWays) + kWays - 1) / kWays * kWays * sizeof(Name);
}

Ghost::Name* Ghost::bucket_of(Hash128 slot) {
  __extension__ using Wide = unsigned __int128;
  return &names_[static_cast<std::size_t>(static_cast<Wide>(slot.low) * buckets_ >> 64) * kWays];
}

void Ghost::add(Hash128 slot, std::uint64_t weight) {
  bytes_ += weight;
  Name* const bucket = bucket_of(slot);
  const auto age_of = [this](const Name& name) { return static_cast<std::uint16_t>(now() - name.at); };
  Name* place = bucket;
  for (std::size_t i = 0; i < kWays; ++i) {
    if (bucket[i].fingerprint == 0) {
      place = &bucket[i];
      break;
    }
    if (age_of(bucket[i]) > age_of(*place)) place = &bucket[i];
  }
  *place = {fingerprint_of(slot), now()};
}

bool Ghost::take(Hash128 slot) {
  Name* const bucket = bucket_of(slot);
  for (std::size_t i = 0; i < kWays; ++i) {
    if (bucket[i].fingerprint != fingerprint_of(slot)) continue;
    const bool is_recent = static_cast<std::uint16_t>(now() - bucket[i].at) <= lifetime_;
    bucket[i] = {};
    return is_recent;
  }
  return false;
}

}  // namespace yz::cache
