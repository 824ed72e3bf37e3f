#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace yz::control {

/// What somebody is. Each has the permissions of its column in permission.cpp.
enum class Role : std::uint8_t {
  // The operator's: see the rows of all tenants.
  kOperator,    ///< tokens: every permission
  kAdmin,       ///< people: every permission
  kOperations,  ///< runs nodes, domains and refreshes; no accounts
  kSupport,     ///< looks, changes nothing
  // A tenant's: see its rows only.
  kTenant,   ///< tokens: domains, origins, certificates, refreshes
  kOwner,    ///< people: everything a tenant may, its members and tokens included
  kMember,   ///< works on domains
  kBilling,  ///< looks at traffic and bills
  kViewer,   ///< looks at everything but bills and accounts
};

[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);
/// Whether the role belongs to the operator's side.
[[nodiscard]] bool is_operator_role(Role role);

/// What a route wants, "domain:write"; "public" wants nobody. Every route declares one.
using Permission = std::string_view;
inline constexpr Permission kPublic = "public";

/// Every permission there is, `kPublic` left out. In alphabetical order.
[[nodiscard]] std::span<const Permission> all_permissions();
[[nodiscard]] bool is_permission(Permission permission);
/// True for kPublic whatever the role.
[[nodiscard]] bool is_allowed(Role role, Permission permission);

/// Who calls, as the token or the session says.
struct Principal {
  std::uint64_t token_id = 0;    ///< zero: not by a token
  std::uint64_t user_id = 0;     ///< zero: not by a session
  std::uint64_t session_id = 0;  ///< of the user's session
  std::string name;              ///< of the token, or the user's email: the actor in the audit
  Role role = Role::kTenant;
  model::TenantId tenant;                ///< of a tenant's token or user
  bool must_change_password = false;     ///< may do nothing else before
  bool is_bound_to_addresses = false;    ///< a token for some addresses: makes no tokens or users for others
  std::vector<std::string> permissions;  ///< of its role's, the only ones; empty: all
  std::vector<model::DomainId> domains;  ///< the only ones that exist for it; empty: all of its tenant's

  /// False for the caller of a public route.
  [[nodiscard]] bool is_known() const { return token_id != 0 || user_id != 0; }
  [[nodiscard]] bool is_operator() const { return is_known() && is_operator_role(role); }
  /// Whether rows of `owner` exist for this caller at all; others answer 404. None do for who is bound to domains:
  /// what belongs to a domain is asked for by the next one.
  [[nodiscard]] bool may_see(model::TenantId owner) const { return domains.empty() && is_of(owner); }
  /// Whether a domain of `owner` does.
  [[nodiscard]] bool may_see(model::TenantId owner, model::DomainId domain) const;
  [[nodiscard]] bool is_bound_to_domains() const { return !domains.empty(); }
  /// Has its role's permissions, as far as neither its own list nor its domains restrict it.
  [[nodiscard]] bool may(Permission permission) const;

 private:
  [[nodiscard]] bool is_of(model::TenantId owner) const {
    return is_operator() || (is_known() && owner == tenant && tenant);
  }
};

/// Whether `maker` may do everything that `made` could: nobody gives what they do not have.
[[nodiscard]] bool covers(const Principal& maker, const Principal& made);

}  // namespace yz::control
