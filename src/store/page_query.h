#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

enum class PageOrder { kOldestFirst, kNewestFirst };

/// One page of a table whose rows have a number `id`, the first of the columns that are read. One row more than the
/// page holds is asked for: whether there is a next page is known without counting.
class PageQuery final {
 public:
  PageQuery(std::string_view columns, std::size_t count, std::string_view table, Page page,
            PageOrder order = PageOrder::kOldestFirst);

  /// Further conditions, all of which rows fulfil. NULL as a value means rows that have none.
  void where(std::string_view column, Value value);
  /// Rows whose reference (a number, 0 for none) names something; or those whose does not.
  void where_named(std::string_view column, bool is_named);

  /// The page; `read` makes a T, or a Result of one, of a row.
  template <typename T, typename Read>
  [[nodiscard]] Result<Listing<T>> read(Transaction& tx, Read read) const {
    YZ_TRY(const Rows rows, find(tx));
    Listing<T> out;
    for (std::size_t i = 0; i < rows.size() && i < page_.limit; ++i) {
      Result<T> item = read(rows[i]);
      if (!item) return fail(std::move(item).error());
      out.items.push_back(*std::move(item));
    }
    if (rows.size() > page_.limit) out.next = rows[page_.limit - 1].u64(0);
    return out;
  }

 private:
  [[nodiscard]] Result<Rows> find(Transaction& tx) const;

  std::string sql_;
  std::size_t count_;
  Page page_;
  PageOrder order_;
  std::vector<Value> parameters_;
};

}  // namespace yz::store
