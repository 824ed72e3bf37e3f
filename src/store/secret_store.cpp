#include "store/secret_store.h"

#include <fmt/format.h>

#include "store/sealer.h"

namespace yz::store {

Result<std::string> SecretStore::get(std::string_view name) {
  YZ_TRY(const auto row, tx_.query_one("SELECT body FROM secret WHERE name = ?", 1, {name}));
  if (!row) return fail(Code::kNotFound, fmt::format("there is no secret '{}'", name));
  return tx_.sealer().open(name, row->text(0));
}

Result<std::string> SecretStore::get_or_put(std::string_view name, std::string_view value, WallTime now) {
  auto inserted = tx_.execute("INSERT INTO secret (name, body, created_at) VALUES (?, ?, ?)",
                              {name, tx_.sealer().seal(name, value), now});
  if (!inserted && inserted.error().code != Code::kAlreadyExists) return fail(std::move(inserted).error());
  return get(name);
}

}  // namespace yz::store
