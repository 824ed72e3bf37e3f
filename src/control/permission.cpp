#include "control/permission.h"

#include <algorithm>
#include <array>

namespace yz::control {
namespace {

struct Grant {
  Permission permission;
  bool tenants;  ///< also for Role::kTenant
};

constexpr std::array kGrants = {
    Grant{"audit:read", true},      Grant{"certificate:read", true}, Grant{"certificate:write", true},
    Grant{"config:read", false},    Grant{"config:write", false},    Grant{"domain:read", true},
    Grant{"domain:write", true},    Grant{"explain:read", true},     Grant{"node:read", false},
    Grant{"node:write", false},     Grant{"origin:read", true},      Grant{"origin:write", true},
    Grant{"policy:read", false},    Grant{"policy:write", false},    Grant{"prefetch:write", true},
    Grant{"refresh:write", true},   Grant{"self:read", true},        Grant{"settings:read", false},
    Grant{"settings:write", false}, Grant{"task:read", true},        Grant{"tenant:read", false},
    Grant{"tenant:write", false},   Grant{"token:read", false},      Grant{"token:write", false},
    Grant{"usage:read", true},
};

constexpr auto kNames = [] {
  std::array<Permission, kGrants.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kGrants[i].permission;
  return names;
}();

const Grant* find_grant(Permission permission) {
  const auto it = std::ranges::find(kGrants, permission, &Grant::permission);
  return it == kGrants.end() ? nullptr : &*it;
}

}  // namespace

std::string_view to_string(Role role) { return role == Role::kOperator ? "operator" : "tenant"; }

std::span<const Permission> all_permissions() { return kNames; }

bool is_permission(Permission permission) { return find_grant(permission) != nullptr; }

bool is_allowed(Role role, Permission permission) {
  if (permission == kPublic) return true;
  const Grant* grant = find_grant(permission);
  return grant != nullptr && (role == Role::kOperator || grant->tenants);
}

}  // namespace yz::control
