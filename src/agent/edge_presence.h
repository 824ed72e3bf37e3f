#pragma once

#include <cstdint>
#include <optional>

namespace yz::agent {

/// Which edge process there is to talk to.
class EdgePresence {
 public:
  virtual ~EdgePresence() = default;
  /// The process that answers now: 1 for the first, higher for each later one. None while there is none.
  [[nodiscard]] virtual std::optional<std::uint64_t> up() const = 0;
};

}  // namespace yz::agent
