#include "control/permission.h"

#include <algorithm>
#include <array>

namespace yz::control {
namespace {

// A grant is a set of roles, one bit each. Operator and admin have all of it and are not written down.
constexpr unsigned bit(Role role) { return 1U << static_cast<unsigned>(role); }
constexpr unsigned kAll = bit(Role::kOperator) | bit(Role::kAdmin);
constexpr unsigned kOps = bit(Role::kOperations);
constexpr unsigned kLook = kOps | bit(Role::kSupport);  // the operator's people who may look
constexpr unsigned kTok = bit(Role::kTenant);
constexpr unsigned kOwn = bit(Role::kOwner);
constexpr unsigned kMem = bit(Role::kMember);
constexpr unsigned kBill = bit(Role::kBilling);
constexpr unsigned kView = bit(Role::kViewer);
constexpr unsigned kWork = kTok | kOwn | kMem;  // those of a tenant who change domains
constexpr unsigned kSee = kWork | kView;        // those who see them
constexpr unsigned kPeople = kLook | kOwn | kMem | kBill | kView;

struct Grant {
  Permission permission;
  unsigned roles;
};

constexpr std::array kGrants = {
    Grant{"audit:read", kLook | kTok | kOwn},
    Grant{"audit:verify", kLook},
    Grant{"billing:read", kLook | kTok | kOwn | kBill},
    Grant{"billing:write", kOps},
    Grant{"cap:read", kLook | kSee | kBill},
    Grant{"cap:write", kOps | kTok | kOwn},
    Grant{"certificate:read", kLook | kSee},
    Grant{"certificate:write", kOps | kWork},
    Grant{"config:read", kLook},
    Grant{"config:write", kOps},
    Grant{"domain:read", kLook | kSee | kBill},
    Grant{"domain:write", kOps | kWork},
    Grant{"explain:read", kLook | kSee},
    Grant{"log:read", kLook | kSee},
    Grant{"node:read", kLook},
    Grant{"node:write", kOps},
    Grant{"origin:read", kLook | kSee},
    Grant{"origin:write", kOps | kWork},
    Grant{"plan:read", kLook},
    Grant{"plan:write", kOps},
    Grant{"policy:read", kLook},
    Grant{"policy:write", kOps},
    Grant{"prefetch:write", kOps | kWork},
    Grant{"refresh:write", kOps | kWork},
    Grant{"self:read", kPeople | kTok},
    Grant{"self:write", kPeople},
    Grant{"settings:read", kLook},
    Grant{"settings:write", 0},
    Grant{"task:read", kLook | kSee},
    Grant{"tenant:read", kLook},
    Grant{"tenant:write", kOps},
    Grant{"token:read", kOwn},
    Grant{"token:write", kOwn},
    Grant{"usage:read", kLook | kSee | kBill},
    Grant{"user:read", kLook | kOwn},
    Grant{"user:write", kOwn},
};

/// What makes sense for somebody who sees some domains of a tenant: nothing that other domains share.
constexpr std::array<Permission, 10> kForDomains = {"domain:read",    "domain:write",  "explain:read", "log:read",
                                                    "prefetch:write", "refresh:write", "self:read",    "self:write",
                                                    "task:read",      "usage:read"};

constexpr auto kNames = [] {
  std::array<Permission, kGrants.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kGrants[i].permission;
  return names;
}();

const Grant* find_grant(Permission permission) {
  const auto it = std::ranges::find(kGrants, permission, &Grant::permission);
  return it == kGrants.end() ? nullptr : &*it;
}

constexpr std::array<std::string_view, 9> kRoleNames = {"operator", "admin",  "operations", "support", "tenant",
                                                        "owner",    "member", "billing",    "viewer"};

}  // namespace

std::string_view to_string(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view text) {
  const auto it = std::ranges::find(kRoleNames, text);
  if (it == kRoleNames.end()) return std::nullopt;
  return static_cast<Role>(it - kRoleNames.begin());
}

bool is_operator_role(Role role) { return role <= Role::kSupport; }

std::span<const Permission> all_permissions() { return kNames; }

bool is_permission(Permission permission) { return find_grant(permission) != nullptr; }

bool is_allowed(Role role, Permission permission) {
  if (permission == kPublic) return true;
  const Grant* grant = find_grant(permission);
  return grant != nullptr && ((grant->roles | kAll) & bit(role)) != 0;
}

bool Principal::may_see(model::TenantId owner, model::DomainId domain) const {
  return is_of(owner) && (domains.empty() || std::ranges::find(domains, domain) != domains.end());
}

bool Principal::may(Permission permission) const {
  if (!is_known() || !is_allowed(role, permission)) return false;
  if (is_bound_to_domains() && std::ranges::find(kForDomains, permission) == kForDomains.end()) return false;
  if (is_bound_to_addresses && (permission == "token:write" || permission == "user:write")) return false;
  return permissions.empty() || permission.starts_with("self:") ||
         std::ranges::find(permissions, permission) != permissions.end();
}

bool covers(const Principal& maker, const Principal& made) {
  if (is_operator_role(made.role) && !maker.is_operator()) return false;
  return std::ranges::all_of(kGrants, [&](const Grant& grant) {
    return grant.permission.starts_with("self:") || !made.may(grant.permission) || maker.may(grant.permission);
  });
}

}  // namespace yz::control
