#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <tl/expected.hpp>

#include "control/call.h"
#include "store/transaction.h"

namespace yz::control {

/// A query parameter that is a whole number, or none; 400 naming it when it is something else.
[[nodiscard]] tl::expected<std::optional<std::uint64_t>, Problem> read_number(const Call& call, std::string_view name);

/// Whose rows a call asks for: its tenant's; for operators those of its parameter `tenant`, none for everybody's.
/// 400 when the parameter is no number, 404 when it is another tenant than the caller's.
[[nodiscard]] tl::expected<std::optional<model::TenantId>, Problem> read_tenant(const Call& call);

/// 400 when a list was asked for the rows of a tenant that does not exist. Not for what outlives its tenant.
[[nodiscard]] tl::expected<void, Problem> check_asked_tenant(store::Transaction& tx,
                                                             std::optional<model::TenantId> asked);

/// 422 when the tenant that a body names does not exist.
[[nodiscard]] tl::expected<void, Problem> check_tenant(store::Transaction& tx, model::TenantId id);

}  // namespace yz::control
