#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/place.h"

namespace yz::model {

/// One step of the search for the groups that serve a viewer of province p and line i.
enum class ChainStep : std::uint8_t {
  kProvinceIsp,    ///< p, i
  kRegionIsp,      ///< the greater region of p (North China, ...), i
  kCountryIsp,     ///< the country, i
  kProvinceMulti,  ///< p, groups on several lines
  kProvinceAny,    ///< p, whatever the line
  kCountryAny,     ///< the country
  kDefault,        ///< the policy's default groups; without any, its whole pool
};

/// The order of research for Chinese networks: the same line in the next province beats another line at home.
[[nodiscard]] std::vector<ChainStep> default_chain();

/// Viewers of a place and line, sent to named groups before the chain is searched. Empty fields match all.
struct PolicyRule {
  Place place;
  std::string isp;
  std::vector<NodeGroupId> groups;

  friend bool operator==(const PolicyRule&, const PolicyRule&) = default;
};

/// What goes where, for the domains that name it.
struct Policy {
  PolicyId id;
  std::string name;
  std::vector<PolicyRule> rules;            ///< the first that matches counts
  std::vector<NodeGroupId> pool;            ///< groups that may serve at all; empty: all enabled L1 groups
  std::vector<NodeGroupId> default_groups;  ///< the end of the chain
  std::vector<ChainStep> chain = default_chain();
  std::uint8_t answers = 2;               ///< addresses in an answer, 1-4; fewer when there are not enough nodes
  std::chrono::seconds ttl{60};           ///< while all is well
  std::chrono::seconds degraded_ttl{10};  ///< while a candidate is suspect or down
  std::uint8_t panic_percent = 50;        ///< a step with fewer healthy nodes than this ignores health

  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace yz::model
