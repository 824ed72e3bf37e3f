#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"

namespace yz::cache {

/// Remembers what was thrown out lately, by 32-bit fingerprints in a fixed table of eight-way buckets: eight bytes a
/// name. A name is forgotten once as many bytes were thrown out after it as the main queue holds. One thread at a time.
class Ghost {
 public:
  /// `names`: about how many to remember; `memory`: how many bytes later a name is forgotten.
  Ghost(std::size_t names, std::uint64_t memory);

  void add(Hash128 slot, std::uint64_t weight);
  /// True when it was thrown out lately; forgets it.
  [[nodiscard]] bool take(Hash128 slot);

  [[nodiscard]] static std::size_t bytes_for(std::size_t names);

 private:
  static constexpr std::size_t kWays = 8;
  struct Name {
    std::uint32_t fingerprint = 0;  ///< 0: free
    std::uint32_t at = 0;
  };
  [[nodiscard]] Name* bucket_of(Hash128 slot);
  [[nodiscard]] std::uint32_t now() const { return static_cast<std::uint32_t>(bytes_ / unit_); }

  std::vector<Name> names_;
  std::uint64_t unit_;       ///< bytes per tick, so that 32 bits outlast the memory many times
  std::uint32_t lifetime_;   ///< in ticks
  std::uint64_t bytes_ = 0;  ///< thrown out so far
};

}  // namespace yz::cache
