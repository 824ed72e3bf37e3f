#pragma once

#include <cstddef>
#include <vector>

#include "model/purge.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// The numbered log of purges, contiguous and visible in order: the durable truth behind the bus. Old records go by
/// retention; a node that has applied less than `oldest() - 1` must revalidate everything (resync).
class PurgeLog final {
 public:
  explicit PurgeLog(Transaction& tx) : tx_(tx) {}

  /// Appends the records with the next numbers (their `seq` is ignored and set in the result). The sequence stays
  /// locked until the transaction ends.
  Result<std::vector<model::PurgeRecord>> append(std::vector<model::PurgeRecord> records);
  /// The last number given; 0 before the first.
  Result<model::PurgeSeq> head();
  /// The first number still stored; head() + 1 when none is.
  Result<model::PurgeSeq> oldest();
  /// Up to `limit` records after `after`, in order.
  Result<std::vector<model::PurgeRecord>> since(model::PurgeSeq after, std::size_t limit);
  /// Drops records issued before `before`, always a prefix of the log. How many.
  Result<std::uint64_t> drop_before(WallTime before);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
