#include "model/domain.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace yz::model {
namespace {

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

bool has_suffix_of(std::string_view path, std::string_view list) {
  const std::size_t slash = path.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::size_t dot = file.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view extension = file.substr(dot + 1);
  for (const std::string_view one : split(list, ',')) {
    if (!one.empty() && equals_ignoring_case(extension, trim(one))) return true;
  }
  return false;
}

bool matches(const CacheRule& rule, std::string_view path) {
  switch (rule.match) {
    case CacheRuleMatch::kAll:
      return true;
    case CacheRuleMatch::kDirectory:
      return path.starts_with(rule.pattern);
    case CacheRuleMatch::kSuffix:
      return has_suffix_of(path, rule.pattern);
    case CacheRuleMatch::kExact:
      return path == rule.pattern;
  }
  return false;
}

}  // namespace

std::string cname_target(const Domain& domain, std::string_view cdn_zone) {
  return fmt::format("{}.{}", domain.cname_label.empty() ? domain.name : domain.cname_label, cdn_zone);
}

Result<std::string> canonical_host(std::string_view name) {
  std::string lower = to_lower(name);
  if (lower.ends_with('.')) lower.pop_back();
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalid, fmt::format("'{}' is not a host name: {}", name, why), Fault::kClient);
  };
  if (lower.empty()) return bad("it is empty");
  if (lower.size() > 253) return bad("it is longer than 253 characters");
  for (const std::string_view label : split(lower, '.')) {
    if (!is_label(label)) return bad("a label is 1-63 letters, digits, '-' or '_', with no '-' at its ends");
  }
  return lower;
}

const CacheRule* find_cache_rule(const Domain& domain, std::string_view path) {
  const CacheRule* best = nullptr;
  for (const CacheRule& rule : domain.cache_rules) {
    if ((best == nullptr || rule.priority > best->priority) && matches(rule, path)) best = &rule;
  }
  return best;
}

}  // namespace yz::model
