#include "store/transaction.h"

#include <charconv>

#include "store/connection.h"

namespace yz::store {

std::int64_t Row::i64(std::size_t column) const {
  const auto& cell = columns_.at(column);
  if (!cell) return 0;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
  YZ_ASSERT(error == std::errc() && end == cell->data() + cell->size());
  return value;
}

const std::string& Row::text(std::size_t column) const {
  static const std::string kEmpty;
  const auto& cell = columns_.at(column);
  return cell ? *cell : kEmpty;
}

Result<std::uint64_t> Transaction::execute(std::string_view sql, const std::vector<Value>& parameters) {
  YZ_CHECK(check_alive());
  return connection_.run(sql, parameters, 0, nullptr);
}

Status Transaction::insert_rows(const IntegerInsert& insert) {
  YZ_CHECK(check_alive());
  return connection_.insert_rows(insert);
}

Result<std::uint64_t> Transaction::insert(std::string_view sql, const std::vector<Value>& parameters) {
  YZ_CHECK(execute(sql, parameters));
  return connection_.last_insert_id();
}

Result<Rows> Transaction::query(std::string_view sql, std::size_t columns, const std::vector<Value>& parameters) {
  YZ_CHECK(check_alive());
  Rows rows;
  YZ_CHECK(connection_.run(sql, parameters, columns, &rows));
  return rows;
}

Result<std::optional<Row>> Transaction::query_one(std::string_view sql, std::size_t columns,
                                                  const std::vector<Value>& parameters) {
  YZ_TRY(Rows rows, query(sql, columns, parameters));
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

/// After a deadlock MariaDB has rolled back and would commit each further statement by itself.
Status Transaction::check_alive() const {
  if (connection_.trouble() == Trouble::kNone) return {};
  return fail(Code::kUnavailable, "database: the engine has undone this transaction");
}

const Dialect& Transaction::dialect() const { return connection_.dialect(); }

}  // namespace yz::store
