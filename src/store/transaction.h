#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/integer_insert.h"
#include "store/value.h"

namespace yz::store {

class Connection;
class Dialect;
class Sealer;

/// What a repository works in: made by Database::write or Database::read, valid inside that call only, one thread.
/// Statements are common SQL with `?` for each parameter; what differs between engines comes from `dialect()`.
///
/// Errors: kAlreadyExists for a broken unique key, kConflict for a broken reference (foreign key), kUnavailable when
/// the engine is busy, gone or restarting (the enclosing write or read then tries the whole body again), kLimit for a
/// full disk, kCorrupt for a damaged file, kInternal for the rest. A failed statement changes nothing; after
/// kUnavailable every further one fails too.
class Transaction final {
 public:
  Transaction(Connection& connection, const Sealer& sealer) : connection_(connection), sealer_(sealer) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Runs a statement without an answer; the number of rows it changed.
  Result<std::uint64_t> execute(std::string_view sql, const std::vector<Value>& parameters = {});
  /// Inserts all rows, or fails as execute().
  Status insert_rows(const IntegerInsert& insert);
  /// Runs an INSERT into a table with a generated key; that key.
  Result<std::uint64_t> insert(std::string_view sql, const std::vector<Value>& parameters);
  /// Runs a SELECT of `columns` columns.
  Result<Rows> query(std::string_view sql, std::size_t columns, const std::vector<Value>& parameters = {});
  /// The first row, or none.
  Result<std::optional<Row>> query_one(std::string_view sql, std::size_t columns,
                                       const std::vector<Value>& parameters = {});

  [[nodiscard]] const Dialect& dialect() const;
  /// For texts that the database must not show.
  [[nodiscard]] const Sealer& sealer() const { return sealer_; }

 private:
  Status check_alive() const;
  Connection& connection_;
  const Sealer& sealer_;
};

}  // namespace yz::store
