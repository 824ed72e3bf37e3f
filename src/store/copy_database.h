#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace yz::store {

/// A table as it lies in both databases.
struct CopiedTable {
  std::string name;
  std::uint64_t rows = 0;
  std::string hash;  ///< the sum of the SHA-256 of its rows, in hexadecimal: whatever their order
};

/// Copies everything from an SQLite database into an empty MariaDB one, table by table in batches, reads every row back
/// and compares count and hash of each table. What was copied stands as it was at one moment; the source is not
/// changed, but for its schema, which is brought up to date. `progress` gets a line for each table.
///
/// Until all is proved the target is marked, and no control opens it; a copy that broke off is begun anew by the next
/// one. Fails with kConflict when the target holds anything else, or an instance of control runs on the source (its
/// lease lasts), kCorrupt when what was read back differs, kInvalid (URLs), and as Database::open does. Blocks.
[[nodiscard]] Result<std::vector<CopiedTable>> copy_database(std::string_view from, std::string_view to, WallTime now,
                                                             const std::function<void(const CopiedTable&)>& progress);

}  // namespace yz::store
