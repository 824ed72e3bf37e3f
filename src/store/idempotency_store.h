#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// The answer once given to a request with an Idempotency-Key.
struct RememberedAnswer {
  std::uint16_t status = 0;
  std::string content_type;
  std::string body;
};

/// Answers by (scope, key), so that a repeated POST gets the first answer and does nothing again. Look up, act and
/// remember in one write transaction: of two requests at once the second waits for the first, then sees its answer.
class IdempotencyStore final {
 public:
  explicit IdempotencyStore(Transaction& tx) : tx_(tx) {}

  /// Claims the key for this transaction, or gives the answer stored under it. `request` identifies what was asked
  /// (method, path, body); fails with kConflict, the client's fault, when the key was used for another request.
  Result<std::optional<RememberedAnswer>> begin(std::string_view scope, std::string_view key, std::string_view request,
                                                WallTime now);
  /// Stores the answer of a claimed key; in the same transaction.
  Status finish(std::string_view scope, std::string_view key, const RememberedAnswer& answer);
  /// Frees a claimed key in the same transaction, when nothing was done and the transaction goes on.
  Status forget(std::string_view scope, std::string_view key);
  /// Forgets keys first used before `before`. How many.
  Result<std::uint64_t> drop_before(WallTime before);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
