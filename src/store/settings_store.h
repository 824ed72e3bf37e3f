#pragma once

#include <cstdint>
#include <optional>

#include "model/settings.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// The cluster's one Settings resource; changed like the others: numbered, logged, audited.
class SettingsStore final {
 public:
  explicit SettingsStore(Transaction& tx) : tx_(tx) {}

  /// None before the first `put`.
  Result<std::optional<Stored<model::Settings>>> get();
  /// Sets it for the first time, or replaces it when its version is `expected` (if given).
  Result<Stored<model::Settings>> put(const Author& author, model::Settings settings,
                                      std::optional<std::uint64_t> expected = {});

 private:
  Transaction& tx_;
};

}  // namespace yz::store
