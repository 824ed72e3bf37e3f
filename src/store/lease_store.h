#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// Who leads, until when.
struct Lease {
  std::string name;
  std::string holder;
  std::uint64_t term = 0;  ///< grows with each change of holder: a fencing number
  WallTime expires;
};

/// Leader leases by rows: at most one holder at a time, as long as the instances' clocks agree to within the margin a
/// holder leaves before `expires`.
class LeaseStore final {
 public:
  explicit LeaseStore(Transaction& tx) : tx_(tx) {}

  /// Takes or renews the lease for `holder` when it is free, expired or its own; then the result's holder is `holder`.
  /// Otherwise the present lease.
  Result<Lease> acquire(std::string_view name, std::string_view holder, std::chrono::milliseconds length, WallTime now);
  /// Gives the lease back, if `holder` has it: the next one need not wait.
  Status release(std::string_view name, std::string_view holder);
  Result<std::optional<Lease>> get(std::string_view name);
  /// Notes where `holder` is reached, for those who find its lease.
  Status put_address(std::string_view holder, std::string_view address);
  /// What put_address noted last; empty when nothing.
  Result<std::string> address_of(std::string_view holder);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
