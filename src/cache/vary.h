#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/arena.h"
#include "cache/ref.h"

namespace yz::cache {

/// Stands in the index where a URL varies: names the request fields that choose among its variants (RFC 9111 §4.1).
/// What values mean the same is for the caller to say when it computes a variant. Its names never change.
class VaryRule {
 public:
  /// Variants kept of one URL; when there would be more, one goes that was not asked for since the last time one had
  /// to.
  static constexpr std::size_t kMaxVariants = 64;
  /// None when the budget has no room. `names`: lower-case, sorted, joined by ','. `since`: when the first of its
  /// variants was received.
  [[nodiscard]] static Ref<VaryRule> make(Arena& arena, Hash128 primary, std::string_view names, WallTime since);
  /// Bytes that takes.
  [[nodiscard]] static std::uint64_t size_of(std::string_view names) { return sizeof(VaryRule) + names.size(); }
  [[nodiscard]] std::string_view names() const { return {reinterpret_cast<const char*>(this + 1), names_size_}; }
  [[nodiscard]] Hash128 primary() const { return primary_; }
  /// What was received before belongs to another rule, or to this one before it was invalidated. To the millisecond, as
  /// an object tells it.
  [[nodiscard]] WallTime since() const { return since_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool try_acquire();
  void release();

 private:
  friend class MemoryTier;
  VaryRule(Arena& arena, Hash128 primary, std::string_view names, WallTime since);
  ~VaryRule();
  static void destroy(void* rule);

  // The tier's, under its lock: slots stored under the rule, the next to go first.
  [[nodiscard]] std::span<Hash128> variants() { return {variants_, count_}; }
  [[nodiscard]] bool has_variant(Hash128 slot) const;
  /// False when the budget has no room for a longer list.
  [[nodiscard]] bool add_variant(Hash128 slot);
  void drop_variant(Hash128 slot);
  void drop_variants() { count_ = 0; }

  std::atomic<std::uint32_t> references_{1};
  const std::uint32_t names_size_;
  Arena& arena_;
  const Hash128 primary_;
  const WallTime since_;
  Hash128* variants_ = nullptr;  ///< a block of the arena
  std::uint32_t count_ = 0;
  std::uint32_t capacity_ = 0;
  bool was_empty_ = false;  ///< when it was looked at last for being of no use
};

}  // namespace yz::cache
