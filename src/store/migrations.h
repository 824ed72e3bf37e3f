#pragma once

#include <span>
#include <string_view>

#include "base/result.h"

namespace yz::store {

class Connection;

/// One step of the schema. Steps are numbered from 1 without gaps and never change once released.
struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;  ///< statements ended by ";\n", in the words of Dialect::render
};

/// Stands for a version while a copy into the database is not proved yet (copy_database.h).
inline constexpr int kCopyUnderWay = 1'000'000;

/// All steps, in order.
[[nodiscard]] std::span<const Migration> migrations();

/// Brings the schema from whatever version it has to the last one. Several programs may try at once: one works, the
/// others wait. A step that was cut off is repeated. Fails with kConflict when the schema is newer than this program.
Status migrate(Connection& connection);

}  // namespace yz::store
