#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/budget.h"
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
  [[nodiscard]] static Ref<VaryRule> make(MemoryBudget& budget, Hash128 primary, std::string_view names,
                                          WallTime since);
  [[nodiscard]] std::string_view names() const { return names_; }
  [[nodiscard]] Hash128 primary() const { return primary_; }
  /// What was received before belongs to another rule, or to this one before it was invalidated.
  [[nodiscard]] WallTime since() const { return since_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool try_acquire();
  void release();

 private:
  friend class MemoryTier;
  VaryRule(MemoryBudget& budget, Hash128 primary, std::string_view names, WallTime since)
      : budget_(budget), primary_(primary), since_(since), names_(names) {}
  ~VaryRule();
  static void destroy(void* rule);
  std::atomic<std::uint32_t> references_{1};
  MemoryBudget& budget_;
  const Hash128 primary_;
  const WallTime since_;
  const std::string names_;
  std::vector<Hash128> variants_;  ///< slots stored under it, the next to go first; under the tier's lock
};

}  // namespace yz::cache
