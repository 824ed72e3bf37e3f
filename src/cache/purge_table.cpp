#include "cache/purge_table.h"

#include <algorithm>

#include "cache/epoch.h"

namespace yz::cache {

namespace {

constexpr std::size_t kFirstCapacity = 64;

/// Names a target of any kind; never zero.
std::uint64_t name_of(PurgeKind kind, std::uint64_t id) {
  const std::uint64_t name = (id ^ static_cast<std::uint64_t>(kind) << 60) * 0x9e3779b97f4a7c15ULL + 1;
  return name == 0 ? 1 : name;
}

void raise(std::atomic<std::uint64_t>& to, std::uint64_t value) {
  if (to.load(std::memory_order_relaxed) < value) to.store(value, std::memory_order_release);
}

}  // namespace

/// `name` is written last, so whoever finds it finds its times; times only grow.
struct PurgeTable::Slot {
  std::atomic<std::uint64_t> name{0};
  std::atomic<std::uint64_t> hard{0};
  std::atomic<std::uint64_t> soft{0};
  std::uint64_t id = 0;  ///< of the writer
  PurgeKind kind = PurgeKind::kUrl;
};

struct PurgeTable::Slots {
  explicit Slots(std::size_t capacity) : mask(capacity - 1), slots(new Slot[capacity]) {}
  std::size_t mask;
  std::unique_ptr<Slot[]> slots;

  [[nodiscard]] Slot& place_of(std::uint64_t name) const {
    for (std::size_t i = name >> 20 & mask;; i = (i + 1) & mask) {
      const std::uint64_t there = slots[i].name.load(std::memory_order_acquire);
      if (there == name || there == 0) return slots[i];
    }
  }
};

PurgeTable::PurgeTable() : slots_(new Slots(kFirstCapacity)) {}
PurgeTable::~PurgeTable() { delete slots_.load(); }

void PurgeTable::add(const PurgeRecord& record) {
  const std::uint64_t seq = record.seq.value;
  switch (record.kind) {
    case PurgeKind::kMark:
      return;
    case PurgeKind::kAll:
      raise(record.is_hard ? all_hard_ : all_soft_, seq);
      return;
    case PurgeKind::kResync:
      raise(all_soft_, seq);
      return;
    case PurgeKind::kDirectory:
      raise(last_directory_, seq);
      break;
    case PurgeKind::kTag:
      raise(last_tag_, seq);
      break;
    case PurgeKind::kUrl:
    case PurgeKind::kHost:
      break;
  }
  const std::size_t capacity = slots_.load(std::memory_order_relaxed)->mask + 1;
  if ((size_ + 1) * 3 > capacity * 2) replace(capacity * 2, 0);
  Times times;
  (record.is_hard ? times.hard : times.soft) = seq;
  insert(*slots_.load(std::memory_order_relaxed), record.kind, record.id, times);
}

void PurgeTable::insert(Slots& into, PurgeKind kind, std::uint64_t id, Times times) {
  const std::uint64_t name = name_of(kind, id);
  Slot& slot = into.place_of(name);
  raise(slot.hard, times.hard);
  raise(slot.soft, times.soft);
  if (slot.name.load(std::memory_order_relaxed) == name) return;
  slot.id = id;
  slot.kind = kind;
  slot.name.store(name, std::memory_order_release);
  ++size_;
}

PurgeTable::Times PurgeTable::find(PurgeKind kind, std::uint64_t id) const {
  const Epoch::Guard guard;
  const std::uint64_t name = name_of(kind, id);
  const Slot& slot = slots_.load(std::memory_order_seq_cst)->place_of(name);
  if (slot.name.load(std::memory_order_acquire) != name) return {};
  return {slot.hard.load(std::memory_order_acquire), slot.soft.load(std::memory_order_acquire)};
}

std::vector<PurgeRecord> PurgeTable::records() const {
  std::vector<PurgeRecord> all;
  if (const std::uint64_t seq = all_hard_.load()) all.push_back({Seq{seq}, PurgeKind::kAll, true, 0});
  if (const std::uint64_t seq = all_soft_.load()) all.push_back({Seq{seq}, PurgeKind::kAll, false, 0});
  const Slots& slots = *slots_.load();
  for (std::size_t i = 0; i <= slots.mask; ++i) {
    const Slot& slot = slots.slots[i];
    if (slot.name.load() == 0) continue;
    if (const std::uint64_t seq = slot.hard.load()) all.push_back({Seq{seq}, slot.kind, true, slot.id});
    if (const std::uint64_t seq = slot.soft.load()) all.push_back({Seq{seq}, slot.kind, false, slot.id});
  }
  std::sort(all.begin(), all.end(), [](const PurgeRecord& a, const PurgeRecord& b) { return a.seq < b.seq; });
  return all;
}

void PurgeTable::fold_before(std::uint64_t seq) {
  raise(all_soft_, seq);
  replace(slots_.load(std::memory_order_relaxed)->mask + 1, seq);
}

void PurgeTable::replace(std::size_t capacity, std::uint64_t keep_above) {
  Slots* const old = slots_.load(std::memory_order_relaxed);
  auto* const fresh = new Slots(capacity);
  size_ = 0;
  for (std::size_t i = 0; i <= old->mask; ++i) {
    const Slot& slot = old->slots[i];
    const Times times{slot.hard.load(), slot.soft.load()};
    if (slot.name.load() != 0 && std::max(times.hard, times.soft) > keep_above)
      insert(*fresh, slot.kind, slot.id, times);
  }
  slots_.store(fresh, std::memory_order_seq_cst);
  Epoch::retire(old, [](void* memory) { delete static_cast<Slots*>(memory); });
}

}  // namespace yz::cache
