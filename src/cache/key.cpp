#include "cache/key.h"

namespace yz::cache {

namespace {

// Seeds keep the hash spaces apart: equal text in two roles must not give equal numbers.
enum Seed : std::uint64_t { kPrimary = 1, kBase, kHost, kDirectory, kTag, kVariantName, kVariantValue };

}  // namespace

Hash128 primary_key(std::string_view host, std::string_view target, std::uint64_t kind) {
  const Hash128 of_host = hash128(host, kPrimary + kind * 0x9e3779b97f4a7c15ULL);
  const Hash128 of_target = hash128(target, of_host.low);
  return {of_target.high ^ of_host.high, of_target.low};
}

BaseId base_id(std::string_view host, std::string_view target) {
  const std::uint64_t id = hash64(target, hash64(host, kBase));
  return BaseId{id == 0 ? 1 : id};
}

Hash128 variant_with(Hash128 variant, std::string_view name, std::string_view value) {
  const Hash128 of_name = hash128(name, variant.low ^ kVariantName);
  const Hash128 of_value = hash128(value, of_name.low ^ kVariantValue);
  const Hash128 next{of_name.high ^ of_value.high ^ variant.high * 3, of_value.low};
  return next == Hash128{} ? Hash128{1, 1} : next;
}

std::uint64_t host_id(std::string_view host) { return hash64(host, kHost); }

std::uint64_t directory_id(std::string_view host, std::string_view directory) {
  return hash64(directory, hash64(host, kDirectory));
}

std::uint32_t tag_id(std::string_view host, std::string_view tag) {
  return static_cast<std::uint32_t>(hash64(tag, hash64(host, kTag)) >> 32);
}

}  // namespace yz::cache
