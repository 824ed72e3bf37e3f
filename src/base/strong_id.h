#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace yz {

/// An integer id of its own type: `using DomainId = StrongId<struct DomainTag>;`. Zero means "none".
template <typename Tag, typename Rep = std::uint64_t>
struct StrongId {
  Rep value = 0;

  friend constexpr auto operator<=>(StrongId, StrongId) = default;
  constexpr explicit operator bool() const { return value != 0; }
};

template <typename Tag, typename Rep>
[[nodiscard]] std::string to_string(StrongId<Tag, Rep> id) {
  return std::to_string(id.value);
}

}  // namespace yz

template <typename Tag, typename Rep>
struct std::hash<yz::StrongId<Tag, Rep>> {
  std::size_t operator()(yz::StrongId<Tag, Rep> id) const noexcept {
    return static_cast<std::size_t>(id.value * 0x9e3779b97f4a7c15ULL);
  }
};
