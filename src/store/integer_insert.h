#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace yz::store {

/// An INSERT of many rows of which all that differs is integers. Each engine takes them in its fastest way: SQLite by
/// one statement that is compiled once, MariaDB by statements of many rows, as text.
struct IntegerInsert {
  std::string head;     ///< "INSERT INTO t (a, b, c) VALUES "
  std::string pattern;  ///< of a row, with `?` for each integer: "(?, ?, '')"
  std::string tail;     ///< what follows the rows: Dialect::or_add, or nothing
  std::vector<std::int64_t> values;

  /// One row's integers. Values above 2^63 - 1 keep their bits, as in Value.
  void add(std::initializer_list<std::uint64_t> row) {
    for (const std::uint64_t number : row) values.push_back(static_cast<std::int64_t>(number));
  }
};

}  // namespace yz::store
