#include "store/seal_stored.h"

#include <array>
#include <string>

#include <fmt/format.h>

#include "store/dialect.h"
#include "store/sealer.h"
#include "store/secret_store.h"

namespace yz::store {
namespace {

constexpr std::size_t kStep = 500;  // rows in one transaction
constexpr std::string_view kProof = "seal.proof";

/// A column with texts, and what identifies its rows: at most two columns.
struct Place {
  std::string_view table;
  std::string_view first_key;
  std::string_view second_key;
  std::string_view context;
};

constexpr std::array kPlaces = {
    Place{"resource", "kind", "id", "resource"},
    Place{"config_log", "seq", "seq", "resource"},
};

Result<std::uint64_t> seal_some(Transaction& tx, const Place& place) {
  YZ_TRY(const Rows rows,
         tx.query(fmt::format("SELECT {}, {}, body FROM {} WHERE body IS NOT NULL AND body NOT LIKE 's1.%' LIMIT {}{}",
                              place.first_key, place.second_key, place.table, kStep, tx.dialect().for_update()),
                  3));
  for (const Row& row : rows) {
    YZ_TRY(const std::string bytes, tx.sealer().open(place.context, row.text(2)));
    YZ_CHECK(tx.execute(
        fmt::format("UPDATE {} SET body = ? WHERE {} = ? AND {} = ?", place.table, place.first_key, place.second_key),
        {tx.sealer().seal(place.context, bytes), row.u64(0), row.u64(1)}));
  }
  return rows.size();
}

}  // namespace

Result<std::uint64_t> seal_stored(Database& database, WallTime now) {
  if (!database.is_sealing()) return 0;
  auto proof =
      database.write([&](Transaction& tx) { return SecretStore(tx).get_or_put(kProof, "sealed with this key", now); });
  if (!proof && proof.error().code == Code::kPermission) {
    return fail(Code::kPermission, "the database was sealed with another key than the one in the state folder");
  }
  if (!proof) return fail(std::move(proof).error());
  std::uint64_t total = 0;
  for (const Place& place : kPlaces) {
    for (std::uint64_t sealed = kStep; sealed == kStep; total += sealed) {
      YZ_TRY(sealed, database.write([&](Transaction& tx) { return seal_some(tx, place); }));
    }
  }
  return total;
}

}  // namespace yz::store
