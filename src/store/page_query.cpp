#include "store/page_query.h"

#include <cstdint>

#include <fmt/format.h>

namespace yz::store {

PageQuery::PageQuery(std::string_view columns, std::size_t count, std::string_view table, Page page, PageOrder order)
    : count_(count), page_(page), order_(order) {
  const bool descends = order == PageOrder::kNewestFirst;
  sql_ = fmt::format("SELECT {} FROM {} WHERE id {} ?", columns, table, descends ? "<" : ">");
  parameters_.push_back(descends && page.after == 0 ? Value(INT64_MAX) : Value(page.after));
}

void PageQuery::where(std::string_view column, Value value) {
  if (value.is_null()) {
    sql_ += fmt::format(" AND {} IS NULL", column);
    return;
  }
  sql_ += fmt::format(" AND {} = ?", column);
  parameters_.push_back(std::move(value));
}

void PageQuery::where_named(std::string_view column, bool is_named) {
  sql_ += fmt::format(" AND {} {} 0", column, is_named ? "<>" : "=");
}

Result<Rows> PageQuery::find(Transaction& tx) const {
  const std::string_view order = order_ == PageOrder::kNewestFirst ? "DESC" : "ASC";
  return tx.query(fmt::format("{} ORDER BY id {} LIMIT {}", sql_, order, page_.limit + 1), count_, parameters_);
}

}  // namespace yz::store
