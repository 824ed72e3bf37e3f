#pragma once

#include <cstdint>
#include <memory>

#include "base/hash.h"

namespace yz::cache {

/// Remembers what was thrown out lately, by 16-bit fingerprints in a fixed table of eight-way buckets: four bytes a
/// name; one in 8,000 strangers is taken for known. A name is forgotten once as many bytes were thrown out after it as
/// the main queue holds. One thread at a time.
class Ghost {
 public:
  /// `names`: about how many to remember; `memory`: how many bytes later a name is forgotten.
  Ghost(std::size_t names, std::uint64_t memory);

  void add(Hash128 slot, std::uint64_t weight);
  /// True when it was thrown out lately; forgets it.
  [[nodiscard]] bool take(Hash128 slot);
  [[nodiscard]] std::size_t names() const { return buckets_ * kWays; }

  [[nodiscard]] static std::size_t bytes_for(std::size_t names);

 private:
  static constexpr std::size_t kWays = 8;
  struct Name {
    std::uint16_t fingerprint = 0;  ///< 0: free
    std::uint16_t at = 0;
  };
  struct Free {
    void operator()(Name* names) const;
  };
  [[nodiscard]] Name* bucket_of(Hash128 slot);
  [[nodiscard]] std::uint16_t now() const { return static_cast<std::uint16_t>(bytes_ / unit_); }

  std::size_t buckets_;
  std::unique_ptr<Name[], Free> names_;
  std::uint64_t unit_;       ///< bytes per tick, so that 16 bits outlast the memory many times
  std::uint16_t lifetime_;   ///< in ticks
  std::uint64_t bytes_ = 0;  ///< thrown out so far
};

}  // namespace yz::cache
