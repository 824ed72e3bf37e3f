#include "cache/disk/disk_index.h"

#include <algorithm>
#include <bit>

#include "base/result.h"

namespace yz::cache {

namespace {

constexpr int kPlaceBits = 36;
constexpr int kClassBits = 6;
constexpr int kHitBits = 2;
constexpr int kTagShift = kPlaceBits + kClassBits + kHitBits;
constexpr std::uint64_t kPlaceMask = (1ULL << kPlaceBits) - 1;
constexpr std::uint64_t kHitOne = 1ULL << (kPlaceBits + kClassBits);
/// Bits of the tag that growing may use; a chain then stands for an eighth of a MiB of the device.
constexpr std::uint32_t kMaxLevel = 5;
constexpr std::uint64_t kBytesPerHome = 4ULL << 20;
/// Records to a chain, on average, before it is split.
constexpr std::uint64_t kChainTarget = 24;

std::uint64_t tag_of(Hash128 slot) { return slot.high >> kTagShift; }
std::uint64_t tag_in(std::uint64_t word) { return word >> kTagShift; }
std::uint64_t unit_in(std::uint64_t word) { return word & kPlaceMask; }
std::uint8_t hits_in(std::uint64_t word) {
  return static_cast<std::uint8_t>(word >> (kPlaceBits + kClassBits) & ((1U << kHitBits) - 1));
}

/// Classes grow by a quarter: 512, 640, 768, 896, 1024, 1280 …
std::uint32_t size_of_class(std::uint32_t c) { return (4 + c % 4) << (c / 4 + 7); }
std::uint32_t class_of_size(std::uint32_t size) {
  if (size <= 512) return 0;
  const auto step = static_cast<std::uint32_t>(std::bit_width(size - 1) - 3);  // size - 1 has 3 leading bits above it
  return (step - 7) * 4 + ((size - 1) >> step) - 4 + 1;
}

DiskIndex::Place place_in(std::uint64_t word) {
  const auto c = static_cast<std::uint32_t>(word >> kPlaceBits & ((1U << kClassBits) - 1));
  return {unit_in(word), size_of_class(c), hits_in(word)};
}

std::uint64_t word_of(Hash128 slot, std::uint64_t unit, std::uint32_t size) {
  return tag_of(slot) << kTagShift | std::uint64_t{class_of_size(size)} << kPlaceBits | unit;
}

}  // namespace

DiskIndex::DiskIndex(MemoryBudget& budget, std::uint64_t device)
    : budget_(budget), homes_(static_cast<std::uint32_t>(device / kBytesPerHome / kShards + 1)) {
  YZ_ASSERT(device <= kMaxDevice);
  for (auto& shard : shards_) {
    shard = std::make_unique<Shard>();
    reset(*shard);
  }
}

DiskIndex::~DiskIndex() {
  for (auto& shard : shards_) budget_.release(shard->charged);
}

void DiskIndex::reset(Shard& shard) {
  budget_.release(shard.charged);
  shard.charged = 0;
  shard.heads.assign(homes_, kNone);
  shard.heads.shrink_to_fit();
  shard.pages.clear();
  shard.free = kNone;
  shard.fresh = kPageBuckets;
  shard.level = shard.split = 0;
  shard.size = 0;
}

std::uint32_t DiskIndex::chain_of(const Shard& shard, std::uint32_t home, std::uint64_t tag) const {
  const auto at_level = [&](std::uint32_t level) {
    return home + homes_ * static_cast<std::uint32_t>(tag & ((1U << level) - 1));
  };
  const std::uint32_t chain = at_level(shard.level + 1);
  return chain < shard.heads.size() ? chain : at_level(shard.level);
}

std::uint32_t DiskIndex::chain_of(const Shard& shard, Hash128 slot) const {
  return chain_of(shard, static_cast<std::uint32_t>(slot.low / kShards % homes_), tag_of(slot));
}

DiskIndex::Found DiskIndex::look(const Shard& shard, Hash128 slot) const {
  const std::uint64_t tag = tag_of(slot);
  for (std::uint32_t i = shard.heads[chain_of(shard, slot)]; i != kNone;) {
    Bucket& bucket = shard.bucket(i);
    for (std::size_t k = 0; k < bucket.used; ++k) {
      if (tag_in(bucket.words[k]) == tag) return {&bucket, k};
    }
    i = bucket.next;
  }
  return {};
}

std::optional<DiskIndex::Place> DiskIndex::find(Hash128 slot) const {
  const Shard& shard = shard_of(slot);
  const std::lock_guard lock(shard.mutex);
  const Found found = look(shard, slot);
  if (found.bucket == nullptr) return std::nullopt;
  return place_in(found.bucket->words[found.at]);
}

std::optional<DiskIndex::Place> DiskIndex::touch(Hash128 slot) {
  Shard& shard = shard_of(slot);
  const std::lock_guard lock(shard.mutex);
  const Found found = look(shard, slot);
  if (found.bucket == nullptr) return std::nullopt;
  std::uint64_t& word = found.bucket->words[found.at];
  if (hits_in(word) < kMaxHits) word += kHitOne;
  return place_in(word);
}

bool DiskIndex::take_bucket(Shard& shard, std::uint32_t& bucket) {
  if (shard.free != kNone) {
    bucket = shard.free;
    shard.free = shard.bucket(bucket).next;
    shard.bucket(bucket) = Bucket();
    return true;
  }
  if (shard.fresh == kPageBuckets) {
    // The page, its entry in the list and the heads that come with it.
    constexpr std::uint64_t kCharge = sizeof(Page) + 2 * sizeof(void*) + 32 * sizeof(std::uint32_t);
    if (!budget_.try_charge(kCharge)) return false;
    shard.charged += kCharge;
    shard.pages.push_back(std::make_unique<Page>());
    shard.fresh = 0;
  }
  bucket = static_cast<std::uint32_t>((shard.pages.size() - 1) * kPageBuckets + shard.fresh++);
  return true;
}

bool DiskIndex::push(Shard& shard, std::uint32_t chain, std::uint64_t word) {
  std::uint32_t first = shard.heads[chain];
  if (first == kNone || shard.bucket(first).used == kWays) {
    std::uint32_t fresh = kNone;
    if (!take_bucket(shard, fresh)) return false;
    shard.bucket(fresh).next = first;
    shard.heads[chain] = first = fresh;
  }
  Bucket& bucket = shard.bucket(first);
  bucket.words[bucket.used++] = word;
  return true;
}

void DiskIndex::drop(Shard& shard, std::uint32_t chain, Found found) {
  const std::uint32_t first = shard.heads[chain];
  Bucket& bucket = shard.bucket(first);
  found.bucket->words[found.at] = bucket.words[--bucket.used];
  if (bucket.used > 0) return;
  shard.heads[chain] = bucket.next;
  bucket.next = shard.free;
  shard.free = first;
}

bool DiskIndex::put(Hash128 slot, std::uint64_t unit, std::uint32_t size) {
  YZ_ASSERT(size <= kMaxSize && unit <= kPlaceMask);
  Shard& shard = shard_of(slot);
  const std::lock_guard lock(shard.mutex);
  const std::uint64_t word = word_of(slot, unit, size);
  if (const Found found = look(shard, slot); found.bucket != nullptr) {
    found.bucket->words[found.at] = word;
    return true;
  }
  if (!push(shard, chain_of(shard, slot), word)) return false;
  ++shard.size;
  if (shard.size > kChainTarget * shard.heads.size()) grow(shard);
  return true;
}

std::vector<std::uint64_t> DiskIndex::take_apart(Shard& shard, std::uint32_t chain) {
  std::vector<std::uint64_t> words;
  for (std::uint32_t i = shard.heads[chain]; i != kNone;) {
    Bucket& bucket = shard.bucket(i);
    words.insert(words.end(), bucket.words.begin(), bucket.words.begin() + bucket.used);
    const std::uint32_t next = bucket.next;
    bucket.next = shard.free;
    shard.free = i;
    i = next;
  }
  shard.heads[chain] = kNone;
  return words;
}

void DiskIndex::grow(Shard& shard) {
  if (shard.level == kMaxLevel) return;
  // Two chains may need one bucket more than the one that is taken apart gives back.
  if (shard.free == kNone) {
    std::uint32_t spare = kNone;
    if (!take_bucket(shard, spare)) return;
    shard.free = spare;
  }
  const std::uint32_t home = shard.split % homes_;
  const std::vector<std::uint64_t> words = take_apart(shard, shard.split);
  // Grown by an eighth: doubling would leave half of it unused.
  if (shard.heads.size() == shard.heads.capacity()) {
    shard.heads.reserve(shard.heads.size() + shard.heads.size() / 8 + 8);
  }
  shard.heads.push_back(kNone);
  if (++shard.split == homes_ << shard.level) {
    shard.split = 0;
    ++shard.level;
  }
  for (const std::uint64_t word : words) {
    const bool is_put = push(shard, chain_of(shard, home, tag_in(word)), word);
    YZ_ASSERT(is_put);
  }
}

bool DiskIndex::move(Hash128 slot, std::uint64_t from, std::uint64_t to) {
  Shard& shard = shard_of(slot);
  const std::lock_guard lock(shard.mutex);
  const Found found = look(shard, slot);
  if (found.bucket == nullptr || unit_in(found.bucket->words[found.at]) != from) return false;
  std::uint64_t& word = found.bucket->words[found.at];
  word = (word & ~kPlaceMask & ~(kHitOne * kMaxHits)) | to;
  return true;
}

bool DiskIndex::erase(Hash128 slot) {
  Shard& shard = shard_of(slot);
  const std::lock_guard lock(shard.mutex);
  const Found found = look(shard, slot);
  if (found.bucket == nullptr) return false;
  drop(shard, chain_of(shard, slot), found);
  --shard.size;
  return true;
}

bool DiskIndex::erase_at(Hash128 slot, std::uint64_t unit) {
  Shard& shard = shard_of(slot);
  const std::lock_guard lock(shard.mutex);
  const Found found = look(shard, slot);
  if (found.bucket == nullptr || unit_in(found.bucket->words[found.at]) != unit) return false;
  drop(shard, chain_of(shard, slot), found);
  --shard.size;
  return true;
}

void DiskIndex::erase_range(std::uint64_t from, std::uint64_t to) {
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    for (std::uint32_t chain = 0; chain < shard->heads.size(); ++chain) {
      for (const std::uint64_t word : take_apart(*shard, chain)) {
        const bool goes = unit_in(word) >= from && unit_in(word) < to;
        // What was just given back is enough for what stays.
        if (goes || !push(*shard, chain, word)) --shard->size;
      }
    }
  }
}

void DiskIndex::clear() {
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    reset(*shard);
  }
}

std::uint64_t DiskIndex::size() const {
  std::uint64_t all = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    all += shard->size;
  }
  return all;
}

std::uint64_t DiskIndex::memory() const {
  std::uint64_t all = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    all += shard->pages.size() * (sizeof(Page) + 2 * sizeof(void*)) + shard->heads.capacity() * sizeof(std::uint32_t);
  }
  return all;
}

}  // namespace yz::cache
