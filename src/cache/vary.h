#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "cache/budget.h"
#include "cache/ref.h"

namespace yz::cache {

/// Stands in the index where a URL varies: names the request fields that choose among its variants (RFC 9111 §4.1).
/// What values mean the same is for the caller to say when it computes a variant. Immutable.
class VaryRule {
 public:
  /// None when the budget has no room. `names`: lower-case, sorted, joined by ','.
  [[nodiscard]] static Ref<VaryRule> make(MemoryBudget& budget, std::string_view names);
  [[nodiscard]] std::string_view names() const { return names_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool try_acquire();
  void release();

 private:
  VaryRule(MemoryBudget& budget, std::string_view names) : budget_(budget), names_(names) {}
  ~VaryRule();
  static void destroy(void* rule);
  std::atomic<std::uint32_t> references_{1};
  MemoryBudget& budget_;
  const std::string names_;
};

}  // namespace yz::cache
