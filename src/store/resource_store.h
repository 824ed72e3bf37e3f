#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "model/config_snapshot.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// Rows of one kind of configuration resource. Every mutation takes the next number of the configuration sequence (its
/// row stays locked until the transaction ends, so numbers become visible in order) and writes the row, its references,
/// the audit entry and the config_log record, all in the enclosing transaction. Validation is the caller's, before it
/// calls (model/validate.h); references and unique names are checked by the database as well.
///
/// Errors: kNotFound, kAlreadyExists (a name or host is taken), kConflict (`is_version_mismatch`, or a reference), all
/// the client's fault; those of Transaction. T is one of model::Resource's alternatives except Settings.
template <typename T>
class ResourceStore {
 public:
  using Id = decltype(T::id);

  explicit ResourceStore(Transaction& tx) : tx_(tx) {}

  /// Adds `value` under a new id (the one in `value` is ignored); the id and version are set in the result.
  Result<Stored<T>> create(const Author& author, T value);
  Result<Stored<T>> get(Id id);
  /// In id order.
  Result<Listing<Stored<T>>> list(Page page, const ListFilter& filter = {});
  /// Replaces the row with `value.id`, when its version is `expected` (if given). The tenant cannot change.
  Result<Stored<T>> update(const Author& author, T value, std::optional<std::uint64_t> expected = {});
  /// The number of the removal.
  Result<model::ConfigSeq> remove(const Author& author, Id id, std::optional<std::uint64_t> expected = {});

 protected:
  static model::ResourceKind kind();
  Transaction& tx_;
};

extern template class ResourceStore<model::OriginGroup>;
extern template class ResourceStore<model::Domain>;
extern template class ResourceStore<model::NodeGroup>;
extern template class ResourceStore<model::Node>;
extern template class ResourceStore<model::Policy>;
extern template class ResourceStore<model::Certificate>;
extern template class ResourceStore<model::Challenge>;
extern template class ResourceStore<model::Suspension>;

}  // namespace yz::store
