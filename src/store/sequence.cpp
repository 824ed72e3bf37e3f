#include "store/sequence.h"

#include <fmt/format.h>

#include "store/dialect.h"

namespace yz::store {

namespace {

Result<std::uint64_t> read_number(Transaction& tx, std::string_view name, std::string_view locking) {
  YZ_TRY(const auto row, tx.query_one(fmt::format("SELECT v FROM sequence WHERE name = ?{}", locking), 1, {name}));
  if (!row) return fail(Code::kCorrupt, fmt::format("database: there is no sequence '{}'", name));
  return row->u64(0);
}

}  // namespace

Result<std::uint64_t> take_numbers(Transaction& tx, std::string_view name, std::uint64_t count) {
  YZ_TRY(const auto changed, tx.execute("UPDATE sequence SET v = v + ? WHERE name = ?", {count, name}));
  if (changed != 1) return fail(Code::kCorrupt, fmt::format("database: there is no sequence '{}'", name));
  return last_number(tx, name);
}

Result<std::uint64_t> lock_numbers(Transaction& tx, std::string_view name) {
  return read_number(tx, name, tx.dialect().for_update());
}

Result<std::uint64_t> last_number(Transaction& tx, std::string_view name) { return read_number(tx, name, ""); }

}  // namespace yz::store
