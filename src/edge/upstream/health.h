#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/clock.h"

namespace yz::edge {

/// What one worker has seen of the servers it asks: a server that failed is passed over for a while, 1 s at first,
/// twice as long at each failure in a row, at most 30 s; then one request tries it again. Belongs to one thread.
class UpstreamHealth {
 public:
  /// Names a server; peers and origins share one table.
  using Name = std::uint64_t;

  [[nodiscard]] bool is_usable(Name name, MonoTime now) const {
    const auto it = marks_.find(name);
    return it == marks_.end() || it->second.away_until <= now;
  }
  void succeeded(Name name) { marks_.erase(name); }
  void failed(Name name, MonoTime now);

 private:
  struct Mark {
    MonoTime away_until{};
    unsigned failures = 0;
  };
  std::unordered_map<Name, Mark> marks_;
};

}  // namespace yz::edge
