#pragma once

#include <string>
#include <string_view>

#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// Named secrets that all instances of control share: the node CA and its key, signing keys. Sealed when the
/// database has a sealer with a key.
class SecretStore final {
 public:
  explicit SecretStore(Transaction& tx) : tx_(tx) {}

  /// Fails with kNotFound.
  Result<std::string> get(std::string_view name);
  /// Stores `value` (any bytes) when there is none under this name; the one that is stored now. Of several instances
  /// that start at once, one wins and all get the same.
  Result<std::string> get_or_put(std::string_view name, std::string_view value, WallTime now);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
