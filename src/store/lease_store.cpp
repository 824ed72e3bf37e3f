#include "store/lease_store.h"

#include <fmt/format.h>

#include "store/dialect.h"

namespace yz::store {
namespace {

Result<std::optional<Lease>> read_lease(Transaction& tx, std::string_view name, std::string_view locking) {
  YZ_TRY(const auto row,
         tx.query_one(fmt::format("SELECT name, holder, term, expires_at FROM lease WHERE name = ?{}", locking), 4,
                      {name}));
  if (!row) return std::nullopt;
  return Lease{.name = row->text(0), .holder = row->text(1), .term = row->u64(2), .expires = row->time(3)};
}

/// The row that keeps an address: a lease nobody competes for.
std::string address_row(std::string_view holder) { return fmt::format("address of {}", holder); }

}  // namespace

Result<Lease> LeaseStore::acquire(std::string_view name, std::string_view holder, std::chrono::milliseconds length,
                                  WallTime now) {
  const WallTime expires = now + length;
  YZ_TRY(auto lease, read_lease(tx_, name, tx_.dialect().for_update()));
  if (!lease) {
    // Of two that see no row one inserts it; the other fails with kAlreadyExists, or finds it below on a retry.
    auto inserted = tx_.execute("INSERT INTO lease (name, holder, term, renewals, expires_at) VALUES (?, ?, 1, 0, ?)",
                                {name, holder, expires});
    if (inserted) return Lease{std::string(name), std::string(holder), 1, expires};
    if (inserted.error().code != Code::kAlreadyExists) return fail(std::move(inserted).error());
    YZ_TRY(lease, read_lease(tx_, name, tx_.dialect().for_update()));
    if (!lease) return fail(Code::kUnavailable, fmt::format("the lease '{}' appeared and went", name));
  }
  const bool own = lease->holder == holder;
  if (!own && !lease->holder.empty() && lease->expires > now) return *std::move(lease);
  if (!own) lease->term += 1;
  lease->holder = holder;
  lease->expires = expires;
  YZ_CHECK(tx_.execute("UPDATE lease SET holder = ?, term = ?, renewals = renewals + 1, expires_at = ? WHERE name = ?",
                       {holder, lease->term, expires, name}));
  return *std::move(lease);
}

Status LeaseStore::release(std::string_view name, std::string_view holder) {
  YZ_CHECK(tx_.execute("UPDATE lease SET holder = '', expires_at = 0 WHERE name = ? AND holder = ?", {name, holder}));
  return {};
}

Result<std::optional<Lease>> LeaseStore::get(std::string_view name) { return read_lease(tx_, name, ""); }

Status LeaseStore::put_address(std::string_view holder, std::string_view address) {
  YZ_CHECK(
      tx_.execute(fmt::format("INSERT INTO lease (name, holder, term, renewals, expires_at) VALUES (?, ?, 0, 0, 0){}",
                              tx_.dialect().or_replace("name", {"holder"})),
                  {address_row(holder), address}));
  return {};
}

Result<std::string> LeaseStore::address_of(std::string_view holder) {
  YZ_TRY(const auto found, get(address_row(holder)));
  return found ? found->holder : std::string();
}

}  // namespace yz::store
