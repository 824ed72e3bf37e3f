#pragma once

#include <cstdint>

#include "model/ids.h"
#include "store/transaction.h"

namespace yz::store {

// How much of something a tenant has, for who is about to add to it: the tenant's row stays locked until the
// transaction ends, so that of two who count one waits for the other. Fails with kNotFound when there is no such
// tenant.

/// Users of a tenant, at most.
inline constexpr std::uint64_t kMostUsers = 1'000;

[[nodiscard]] Result<std::uint64_t> count_users(Transaction& tx, model::TenantId tenant);
/// API tokens, expired ones included.
[[nodiscard]] Result<std::uint64_t> count_tokens(Transaction& tx, model::TenantId tenant);
[[nodiscard]] Result<std::uint64_t> count_caps(Transaction& tx, model::TenantId tenant);

}  // namespace yz::store
