#include "control/acme/name_check.h"

#include <set>

#include <fmt/format.h>

#include "base/ip.h"

namespace yz::control {
namespace {

constexpr std::size_t kLongestName = 253;

bool is_below(std::string_view host, std::string_view base) {
  return host == base ||
         (host.size() > base.size() && host.ends_with(base) && host[host.size() - base.size() - 1] == '.');
}

/// Calls `f(host, tenant)` for every host that is served.
template <typename F>
void for_each_host(const model::ConfigSnapshot& config, F f) {
  for (const auto& [id, entry] : config.domains) {
    const model::Domain& domain = *entry.value;
    f(domain.name, domain.tenant);
    for (const std::string& alias : domain.aliases) f(alias, domain.tenant);
  }
}

/// Why this tenant may not have a certificate for `name`; empty: it may.
std::string why_not_theirs(const model::ConfigSnapshot& config, model::TenantId tenant, std::string_view name) {
  const bool is_wildcard = name.starts_with("*.");
  const std::string_view base = is_wildcard ? name.substr(2) : name;
  bool is_covered = false;
  bool is_foreign = false;
  for_each_host(config, [&](std::string_view host, model::TenantId owner) {
    if (is_wildcard ? !is_below(host, base) : host != base) return;
    (owner == tenant ? is_covered : is_foreign) = true;
  });
  if (is_foreign) return "belongs to another tenant's domain";
  if (!is_covered) return is_wildcard ? "covers no domain of this tenant" : "is no domain of this tenant";
  return {};
}

}  // namespace

model::Problems problems_of_names(const model::ConfigSnapshot& config, model::TenantId tenant,
                                  const std::vector<std::string>& names, model::ChallengeKind challenge) {
  model::Problems out;
  if (names.empty()) out.push_back({"/names", "expected at least one DNS name"});
  if (names.size() > kMostNames) out.push_back({"/names", fmt::format("expected at most {} names", kMostNames)});
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i) {
    const std::string& name = names[i];
    const auto wrong = [&](std::string message) { out.push_back({fmt::format("/names/{}", i), std::move(message)}); };
    const bool is_wildcard = name.starts_with("*.");
    const std::string base = is_wildcard ? name.substr(2) : name;
    const auto host = model::canonical_host(base);
    if (!host || *host != base || base.find('.') == std::string::npos || IpAddress::parse(base)) {
      wrong("expected a host name in lower case, or \"*.\" and one");
    } else if (!seen.insert(name).second) {
      wrong("listed twice");
    } else if (is_wildcard && challenge != model::ChallengeKind::kDns) {
      wrong("a wildcard is proved by dns-01 only");
    } else if (challenge == model::ChallengeKind::kDns &&
               model::challenge_name(base, config.settings.cdn_zone).size() > kLongestName) {
      wrong("is too long to be proved by dns-01 under this zone");
    } else if (std::string why = why_not_theirs(config, tenant, name); !why.empty()) {
      wrong(std::move(why));
    }
  }
  return out;
}

std::string_view blocked_name(const std::vector<std::string>& names, const std::vector<std::string>& blocked) {
  for (const std::string& name : names) {
    const std::string_view base = name.starts_with("*.") ? std::string_view(name).substr(2) : std::string_view(name);
    for (const std::string& one : blocked) {
      if (is_below(base, one)) return name;
    }
  }
  return {};
}

}  // namespace yz::control
