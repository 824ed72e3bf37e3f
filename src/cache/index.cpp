#include "cache/index.h"

#include <algorithm>
#include <bit>
#include <new>

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
Hash128 slot_in(std::uint64_t word) { return is_rule(word) ? rule_in(word)->primary() : object_in(word)->slot(); }

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
  static constexpr std::size_t kLine = 8;  ///< words of a cache line
  explicit Table(std::size_t words)
      : capacity(words),
        slots(static_cast<std::atomic<std::uint64_t>*>(::operator new(words * 8, std::align_val_t(64)))) {
    for (std::size_t i = 0; i < words; ++i) new (&slots[i]) std::atomic<std::uint64_t>(kEmpty);
  }
  ~Table() { ::operator delete(slots, std::align_val_t(64)); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  [[nodiscard]] static std::uint64_t charge_of(std::size_t capacity) { return capacity * 8 + sizeof(Table) + 80; }

  /// Where looking for `slot` begins.
  [[nodiscard]] std::size_t home_of(Hash128 slot) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>(static_cast<Wide>(slot.low) * (capacity / kLine) >> 64) * kLine;
  }
  [[nodiscard]] std::size_t after(std::size_t i) const { return i + 1 == capacity ? 0 : i + 1; }
  [[nodiscard]] std::size_t before(std::size_t i) const { return (i == 0 ? capacity : i) - 1; }

  /// Where `slot` is, or where it would be put: the first tombstone or empty place of its run. For the writer.
  [[nodiscard]] std::size_t place_of(Hash128 slot) const {
    std::size_t free_place = SIZE_MAX;
    for (std::size_t i = home_of(slot);; i = after(i)) {
      const std::uint64_t word = slots[i].load(std::memory_order_relaxed);
      if (word == kEmpty) return free_place == SIZE_MAX ? i : free_place;
      if (word == kTombstone) {
        if (free_place == SIZE_MAX) free_place = i;
      } else if ((word & ~0xffff'ffff'ffffULL) == tag_of(slot) && slot_in(word) == slot) {
        return i;
      }
    }
  }

  /// Empties a place; returns by how many fewer are taken. A tombstone only where a run goes on after it.
  [[nodiscard]] std::size_t clear(std::size_t place) {
    if (slots[after(place)].load(std::memory_order_relaxed) != kEmpty) {
      slots[place].store(kTombstone, std::memory_order_seq_cst);
      return 0;
    }
    std::size_t cleared = 0;
    do {
      slots[place].store(kEmpty, std::memory_order_seq_cst);
      ++cleared;
      place = before(place);
    } while (slots[place].load(std::memory_order_relaxed) == kTombstone);
    return cleared;
  }

  const std::size_t capacity;
  std::atomic<std::uint64_t>* const slots;
  Index* owner = nullptr;
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
    for (std::size_t i = 0; i < table->capacity; ++i) adopt(table->slots[i].load());
    budget_.release(Table::charge_of(table->capacity));
    delete table;
  }
  budget_.release(spare_.load());
}

Index::Entry Index::find(Hash128 slot) const {
  const Epoch::Guard guard;
  const Table* table = shard_of(slot).table.load(std::memory_order_seq_cst);
  for (std::size_t i = table->home_of(slot);; i = table->after(i)) {
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
  const Hash128 slot = object->slot();
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
  shard.taken -= table->clear(place);
  --shard.used;
  return adopt(word);
}

namespace {

/// Words of a new table for so many entries, two thirds of it.
std::size_t capacity_for(std::size_t entries) { return (entries * 3 / 2 + 15) / 8 * 8; }

}  // namespace

bool Index::make_room(Shard& shard) {
  Table* const old = shard.table.load(std::memory_order_relaxed);
  const std::size_t old_capacity = old == nullptr ? 0 : old->capacity;
  if (old != nullptr && (shard.taken + 1) * 6 <= old_capacity * 5) return true;
  const std::size_t capacity = capacity_for(shard.used + 1);
  // Without room for the new table the old one serves on until it is nearly full.
  const bool is_pressing = old == nullptr || (shard.taken + 1) * 16 > old_capacity * 15;
  if (!charge(Table::charge_of(capacity))) return !is_pressing;
  auto* const table = new Table(capacity);
  table->owner = this;
  for (std::size_t i = 0; i < old_capacity; ++i) {
    const std::uint64_t word = old->slots[i].load(std::memory_order_relaxed);
    if (word == kEmpty || word == kTombstone) continue;
    table->slots[table->place_of(slot_in(word))].store(word, std::memory_order_relaxed);
  }
  shard.taken = shard.used;
  shard.table.store(table, std::memory_order_seq_cst);
  if (old != nullptr) {
    Epoch::retire(old, [](void* memory) {
      auto* const gone = static_cast<Table*>(memory);
      Index& owner = *gone->owner;
      const std::uint64_t charge = Table::charge_of(gone->capacity);
      delete gone;
      owner.give_back(charge);
    });
  }
  return true;
}

/// For a table: from what was put by, or from the budget; and puts by for the next.
bool Index::charge(std::uint64_t bytes) {
  std::uint64_t spare = spare_.load();
  while (spare >= bytes && !spare_.compare_exchange_weak(spare, spare - bytes)) {
  }
  if (spare < bytes && !budget_.try_charge(bytes)) return false;
  const std::uint64_t wanted = bytes + bytes / 2;
  if (wanted > spare_wanted_.load()) spare_wanted_.store(wanted);
  spare = spare_.load();
  if (spare < spare_wanted_.load()) {
    const std::uint64_t missing = spare_wanted_.load() - spare;
    if (budget_.try_charge(missing)) spare_.fetch_add(missing);
  }
  return true;
}

void Index::give_back(std::uint64_t bytes) {
  const std::uint64_t spare = spare_.load();
  const std::uint64_t wanted = spare_wanted_.load();
  const std::uint64_t kept = std::min(bytes, wanted - std::min(wanted, spare));
  spare_.fetch_add(kept);
  budget_.release(bytes - kept);
}

std::uint64_t Index::room_to_grow(Hash128 slot) const {
  return Table::charge_of(capacity_for(shard_of(slot).used + 1));
}

std::vector<Ref<VaryRule>> Index::next_rules(std::size_t count) {
  std::vector<Ref<VaryRule>> rules;
  const Table* table = shards_[hand_shard_]->table.load(std::memory_order_relaxed);
  for (; count > 0; --count, ++hand_place_) {
    if (hand_place_ >= table->capacity) {
      hand_shard_ = (hand_shard_ + 1) % shards_.size();
      hand_place_ = 0;
      table = shards_[hand_shard_]->table.load(std::memory_order_relaxed);
    }
    const std::uint64_t word = table->slots[hand_place_].load(std::memory_order_relaxed);
    if (word != kEmpty && is_rule(word)) rules.push_back(Ref<VaryRule>::share(rule_in(word)));
  }
  return rules;
}

std::vector<Index::Entry> Index::entries(std::size_t shard) const {
  const Table* table = shards_[shard]->table.load(std::memory_order_relaxed);
  std::vector<Entry> all;
  for (std::size_t i = 0; i < table->capacity; ++i) {
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
