#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// One thing somebody did.
struct AuditEntry {
  std::uint64_t id = 0;
  WallTime at;
  std::string actor;
  std::string address;
  std::string request_id;
  model::TenantId tenant;
  std::string action;  ///< "create", "update", "delete", "refresh", "roll_back", …
  std::string kind;    ///< of what: "domain", "token", …
  std::string target;  ///< which one: its id or name
  std::string detail;  ///< JSON: {"before": …, "after": …}, without secrets
  std::string hash;    ///< SHA-256, hex, over the previous entry's hash and this one's fields
};

struct AuditFilter {
  std::optional<model::TenantId> tenant;
  std::string kind;    ///< empty: all
  std::string target;  ///< empty: all; needs `kind`
  std::string actor;   ///< empty: all
};

/// Whether the log is as it was written. What was cut off at its end, with the numbers put back, shows only to somebody
/// who kept an earlier `head`.
struct AuditVerdict {
  std::uint64_t entries = 0;                  ///< that fit
  std::string head;                           ///< hash of the last of them
  std::optional<std::uint64_t> first_broken;  ///< id of the first entry that is missing or does not fit
};

/// Append-only record of who changed what. Entries are chained by hash, so that a changed or removed one shows.
class AuditLog final {
 public:
  explicit AuditLog(Transaction& tx) : tx_(tx) {}

  /// The stores call this for their mutations; control adds what is not a row (logins, drains, rollbacks).
  Status add(const Author& author, std::string_view action, std::string_view kind, std::string_view target,
             std::string_view detail = "{}");
  /// Newest first; `page.after` is the last id seen (0: from the newest).
  Result<Listing<AuditEntry>> list(const AuditFilter& filter, Page page);
  /// Walks the whole chain. Costs a read and a SHA-256 of every entry.
  Result<AuditVerdict> verify();

 private:
  Transaction& tx_;
};

}  // namespace yz::store
