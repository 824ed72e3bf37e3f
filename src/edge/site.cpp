#include "edge/site.h"

namespace yz::edge {

std::string hsts_value(const model::Hsts& rule) {
  if (rule.max_age.count() == 0) return {};
  std::string out = "max-age=" + std::to_string(rule.max_age.count());
  if (rule.include_subdomains) out += "; includeSubDomains";
  if (rule.preload) out += "; preload";
  return out;
}

const Site* SiteTable::find(std::string_view lower_host) const {
  const auto it = sites_.find(lower_host);
  return it == sites_.end() ? default_.get() : it->second.get();
}

}  // namespace yz::edge
