#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "base/strong_id.h"

namespace yz::cache {

/// A point on the purge clock: the number of the last purge record applied (0: none yet).
using Seq = StrongId<struct SeqTag>;
/// What a URL purge hits: all variants and slices of one source URL share it.
using BaseId = StrongId<struct BaseIdTag>;

/// Which slot of the cache a request asks for. `variant` is zero until a Vary is known (RFC 9111 §4.1).
struct CacheKey {
  Hash128 primary;
  Hash128 variant;
  friend constexpr bool operator==(const CacheKey&, const CacheKey&) = default;
  /// The one number it is stored under.
  [[nodiscard]] constexpr Hash128 slot() const {
    return {primary.high ^ variant.high * kMix, primary.low + variant.low};
  }
  /// The primary key of what is stored under a slot.
  [[nodiscard]] static constexpr Hash128 primary_of(Hash128 slot, Hash128 variant) {
    return {slot.high ^ variant.high * kMix, slot.low - variant.low};
  }

 private:
  static constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15ULL;
};

/// The name of a cached thing, after the domain's key rule: `host` is the domain's canonical name in lower case,
/// `target` the normalised path, with "?query" when the rule keeps one. `kind` keeps apart what must not meet under one
/// URL (0: the plain response; others are the caller's, for example slices).
[[nodiscard]] Hash128 primary_key(std::string_view host, std::string_view target, std::uint64_t kind = 0);
/// The purge identity of a source URL: the same inputs without variant dimensions.
[[nodiscard]] BaseId base_id(std::string_view host, std::string_view target);
/// Folds one more normalised request field value into a variant; start from Hash128{}. Order matters.
[[nodiscard]] Hash128 variant_with(Hash128 variant, std::string_view name, std::string_view value);

/// What host, directory and tag purges are looked up by. `directory` begins and ends in '/'.
[[nodiscard]] std::uint64_t host_id(std::string_view host);
[[nodiscard]] std::uint64_t directory_id(std::string_view host, std::string_view directory);
/// 32 bits: what an object stores of each of its tags. A false match purges one object too many, 1 time in 2^32.
[[nodiscard]] std::uint32_t tag_id(std::string_view host, std::string_view tag);

}  // namespace yz::cache
