#pragma once

#include <cstdint>

#include "base/clock.h"
#include "store/database.h"

namespace yz::store {

/// Seals what an older program stored open: configuration resources with their history. Proves
/// first that the database's key is the one it was sealed with: kPermission otherwise. How many texts were sealed.
/// Does nothing without a key. Blocks; repeatable, and several programs may do so at once.
[[nodiscard]] Result<std::uint64_t> seal_stored(Database& database, WallTime now);

}  // namespace yz::store
