#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace yz::control {

/// Whom a token stands for.
enum class Role : std::uint8_t {
  kOperator,  ///< runs the CDN: every permission
  kTenant,    ///< a customer: what concerns the rows of its own tenant
};

[[nodiscard]] std::string_view to_string(Role role);

/// What a route wants, "domain:write"; "public" wants no token. Every route declares one.
using Permission = std::string_view;
inline constexpr Permission kPublic = "public";

/// Every permission there is, `kPublic` left out. In alphabetical order.
[[nodiscard]] std::span<const Permission> all_permissions();
[[nodiscard]] bool is_permission(Permission permission);
/// True for kPublic whatever the role.
[[nodiscard]] bool is_allowed(Role role, Permission permission);

/// Who calls, as its token says.
struct Principal {
  std::uint64_t token_id = 0;  ///< zero: nobody (a public route)
  std::string name;            ///< of the token: the actor in the audit
  Role role = Role::kTenant;
  model::TenantId tenant;  ///< of a tenant's token

  [[nodiscard]] bool is_operator() const { return token_id != 0 && role == Role::kOperator; }
  /// Whether rows of `owner` exist for this caller at all; others answer 404.
  [[nodiscard]] bool may_see(model::TenantId owner) const {
    return is_operator() || (token_id != 0 && owner == tenant && tenant);
  }
};

}  // namespace yz::control
