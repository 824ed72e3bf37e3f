#include "cache/index.h"

#include <bit>

#include "base/result.h"
#include "cache/epoch.h"

namespace yz::cache {

namespace {

// A word: 16 bits of the key, 47 bits of address, and in the lowest bit whether it is a VaryRule.
constexpr std::uint64_t kEmpty = 0;
constexpr std::uint64_t kTombstone = 2;  ///< no address: allocations are 8-aligned
constexpr std::uint64_t kRuleBit = 1;
constexpr std::uint64_t kAddressMask = 0x0000'ffff'ffff'fff8ULL;

std::uint64_t tag_of(Hash128 slot) { return slot.high & 0xffff'0000'0000'0000ULL; }
bool is_rule(std::uint64_t word) { return (word & kRuleBit) != 0; }
Object* object_in(std::uint64_t word) { return reinterpret_cast<Object*>(word & kAddressMask); }
VaryRule* rule_in(std::uint64_t word) { return reinterpret_cast<VaryRule*>(word & kAddressMask); }

std::uint64_t word_of(const void* address, Hash128 slot, std::uint64_t bit) {
  const auto bits = reinterpret_cast<std::uint64_t>(address);
  YZ_ASSERT((bits & ~kAddressMask) == 0);
  return tag_of(slot) | bits | bit;
}

/// The slot an entry belongs to. Only with the entry kept alive.
Hash128 slot_in(std::uint64_t word) { return is_rule(word) ? rule_in(word)->primary() : object_in(word)->key().slot(); }

/// Takes over the table's own reference.
Index::Entry adopt(std::uint64_t word) {
  Index::Entry entry;
  if (word == kEmpty || word == kTombstone) return entry;
  if (is_rule(word)) {
    entry.rule = Ref<VaryRule>::adopt(rule_in(word));
  } else {
    entry.object = Ref<Object>::adopt(object_in(word));
  }
  return entry;
}

}  // namespace

struct Index::Table {
  explicit Table(std::size_t capacity) : mask(capacity - 1), slots(new std::atomic<std::uint64_t>[capacity] {}) {}
  [[nodiscard]] static std::uint64_t charge_of(std::size_t capacity) { return capacity * 8 + sizeof(Table) + 32; }

  /// Where `slot` is, or where it would be put: the first tombstone or empty place of its run. For the writer.
  [[nodiscard]] std::size_t place_of(Hash128 slot) const {
    std::size_t free_place = SIZE_MAX;
    for (std::size_t i = slot.low & mask;; i = (i + 1) & mask) {
      const std::uint64_t word = slots[i].load(std::memory_order_relaxed);
      if (word == kEmpty) return free_place == SIZE_MAX ? i : free_place;
      if (word == kTombstone) {
        if (free_place == SIZE_MAX) free_place = i;
      } else if ((word & ~0xffff'ffff'ffffULL) == tag_of(slot) && slot_in(word) == slot) {
        return i;
      }
    }
  }

  std::size_t mask;
  std::unique_ptr<std::atomic<std::uint64_t>[]> slots;
  MemoryBudget* budget = nullptr;
};

Index::Index(MemoryBudget& budget, std::size_t shards) : budget_(budget) {
  YZ_ASSERT(std::has_single_bit(shards));
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Shard>());
    YZ_ASSERT(make_room(*shards_.back()));
  }
}

Index::~Index() {
  for (auto& shard : shards_) {
    Table* table = shard->table.exchange(nullptr);
    for (std::size_t i = 0; i <= table->mask; ++i) adopt(table->slots[i].load());
    budget_.release(Table::charge_of(table->mask + 1));
    delete table;
  }
}

Index::Entry Index::find(Hash128 slot) const {
  const Epoch::Guard guard;
  const Table* table = shard_of(slot).table.load(std::memory_order_seq_cst);
  for (std::size_t i = slot.low & table->mask;; i = (i + 1) & table->mask) {
    std::uint64_t word = table->slots[i].load(std::memory_order_seq_cst);
    if (word == kEmpty) return {};
    while ((word & ~0xffff'ffff'ffffULL) == tag_of(slot) && word != kTombstone && word != kEmpty) {
      if (slot_in(word) != slot) break;
      if (is_rule(word) ? rule_in(word)->try_acquire() : object_in(word)->try_acquire()) return adopt(word);
      // It is on its way out; something else may have taken its place meanwhile.
      const std::uint64_t again = table->slots[i].load(std::memory_order_seq_cst);
      if (again == word) return {};
      word = again;
    }
  }
}

Index::Put Index::put(Ref<Object> object) {
  const Hash128 slot = object->key().slot();
  Object* const raw = object.detach();
  Put put = put_word(slot, word_of(raw, slot, 0));
  if (!put.is_done) raw->release();
  return put;
}

Index::Put Index::put(Ref<VaryRule> rule) {
  const Hash128 slot = rule->primary();
  VaryRule* const raw = rule.detach();
  Put put = put_word(slot, word_of(raw, slot, kRuleBit));
  if (!put.is_done) raw->release();
  return put;
}

Index::Put Index::put_word(Hash128 slot, std::uint64_t word) {
  Shard& shard = shard_of(slot);
  if (!make_room(shard)) return {};
  Table* const table = shard.table.load(std::memory_order_relaxed);
  const std::size_t place = table->place_of(slot);
  const std::uint64_t before = table->slots[place].exchange(word, std::memory_order_seq_cst);
  if (before == kEmpty) ++shard.taken;
  if (before == kEmpty || before == kTombstone) ++shard.used;
  return {true, adopt(before)};
}

Index::Entry Index::erase(Hash128 slot, const void* expected) {
  Shard& shard = shard_of(slot);
  Table* const table = shard.table.load(std::memory_order_relaxed);
  const std::size_t place = table->place_of(slot);
  const std::uint64_t word = table->slots[place].load(std::memory_order_relaxed);
  if (word == kEmpty || word == kTombstone || static_cast<void*>(object_in(word)) != expected) return {};
  table->slots[place].store(kTombstone, std::memory_order_seq_cst);
  --shard.used;
  return adopt(word);
}

bool Index::make_room(Shard& shard) {
  constexpr std::size_t kFirstCapacity = 64;
  Table* const old = shard.table.load(std::memory_order_relaxed);
  const std::size_t old_capacity = old == nullptr ? 0 : old->mask + 1;
  if (old != nullptr && (shard.taken + 1) * 4 <= old_capacity * 3) return true;
  std::size_t capacity = kFirstCapacity;
  while (capacity < (shard.used + 1) * 2) capacity *= 2;
  // Without room for the new table the old one serves on until it is nearly full.
  const bool is_pressing = old == nullptr || (shard.taken + 1) * 16 > old_capacity * 15;
  if (!budget_.try_charge(Table::charge_of(capacity))) return !is_pressing;
  auto* const table = new Table(capacity);
  table->budget = &budget_;
  if (old != nullptr) {
    for (std::size_t i = 0; i < old_capacity; ++i) {
      const std::uint64_t word = old->slots[i].load(std::memory_order_relaxed);
      if (word == kEmpty || word == kTombstone) continue;
      table->slots[table->place_of(slot_in(word))].store(word, std::memory_order_relaxed);
    }
  }
  shard.taken = shard.used;
  shard.table.store(table, std::memory_order_seq_cst);
  if (old != nullptr) {
    Epoch::retire(old, [](void* memory) {
      auto* const gone = static_cast<Table*>(memory);
      gone->budget->release(Table::charge_of(gone->mask + 1));
      delete gone;
    });
  }
  return true;
}

std::vector<Index::Entry> Index::entries(std::size_t shard) const {
  const Table* table = shards_[shard]->table.load(std::memory_order_relaxed);
  std::vector<Entry> all;
  for (std::size_t i = 0; i <= table->mask; ++i) {
    const std::uint64_t word = table->slots[i].load(std::memory_order_relaxed);
    if (word == kEmpty || word == kTombstone) continue;
    Entry entry;
    if (is_rule(word)) {
      entry.rule = Ref<VaryRule>::share(rule_in(word));
    } else {
      entry.object = Ref<Object>::share(object_in(word));
    }
    all.push_back(std::move(entry));
  }
  return all;
}

std::size_t Index::size() const {
  std::size_t all = 0;
  for (const auto& shard : shards_) all += shard->used;
  return all;
}

}  // namespace yz::cache
