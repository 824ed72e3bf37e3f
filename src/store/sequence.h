#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "store/transaction.h"

namespace yz::store {

// Numbers in commit order: the row stays locked until the transaction ends, so a number is given only when all before
// it are committed or gone back. Internal to this room.

/// Takes the next `count` numbers; the last of them. The name is a row of table `sequence`.
Result<std::uint64_t> take_numbers(Transaction& tx, std::string_view name, std::uint64_t count = 1);
/// The last number given, with the row locked as if numbers had been taken.
Result<std::uint64_t> lock_numbers(Transaction& tx, std::string_view name);
/// The last number given; locks nothing.
Result<std::uint64_t> last_number(Transaction& tx, std::string_view name);

}  // namespace yz::store
