#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_id.h"
#include "model/suspension.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

using CapId = StrongId<struct CapTag>;

/// The most that a domain, or all of a tenant's together, may use. Numbers are bits a second, bytes, or millionths of
/// the contract's currency, by `kind`.
struct Cap {
  CapId id;
  model::TenantId tenant;
  model::DomainId domain;  ///< none: all of the tenant's; kSpend has none
  model::CapKind kind = model::CapKind::kBandwidth;
  std::uint64_t limit = 0;
  bool by_operator = false;  ///< the tenant cannot change it
  WallTime created;

  // --- what control found ---
  std::uint64_t used = 0;
  WallTime seen;                   ///< when `used` was so; the epoch: nobody has looked yet
  WallTime reached;                ///< last; the epoch: never
  std::uint64_t times = 0;         ///< in a row that the bandwidth was too much
  model::SuspensionId suspension;  ///< while it holds viewers back
};

/// What of the caps a list holds; nothing asked for is everything.
struct CapFilter {
  std::optional<model::TenantId> tenant;
  std::optional<bool> suspended;  ///< those that hold viewers back now, or those that do not
};

class CapStore final {
 public:
  static constexpr std::uint64_t kMostOfATenant = 1'000;

  explicit CapStore(Transaction& tx) : tx_(tx) {}

  /// Fails with kAlreadyExists when there is one of this kind for this domain by the same side, with kLimit above
  /// kMostOfATenant.
  Result<Cap> create(const Author& author, Cap cap);
  Result<std::optional<Cap>> get(CapId id);
  Result<Listing<Cap>> list(Page page, const CapFilter& filter);
  Result<std::vector<Cap>> all();
  /// Fails with kNotFound.
  Result<Cap> set_limit(const Author& author, CapId id, std::uint64_t limit);
  /// With its suspension. Fails with kNotFound.
  Status remove(const Author& author, CapId id);
  /// That it was reached or let go. Nothing for a cap that is gone meanwhile.
  Status note(const Cap& cap);
  /// What it has used; leaves alone what note() writes.
  Status note_used(const Cap& cap);
  /// With a domain go its caps; who suspends removes their suspensions.
  Status remove_of(model::DomainId domain);
  /// Bytes to viewers of what the cap is for, [from, until) in minutes since the epoch, multiples of 5.
  Result<std::uint64_t> traffic(const Cap& cap, std::uint32_t from_minute, std::uint32_t until_minute);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
