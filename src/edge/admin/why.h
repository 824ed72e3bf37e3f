#pragma once

#include <string>
#include <string_view>

namespace yz::edge {

class EdgeServer;

/// What this edge would do with a GET of `url` without special fields now, and why: site, rule, key, what is stored,
/// its age and lifetime, purges, whom a miss would ask. JSON text.
[[nodiscard]] std::string explain_url(EdgeServer& server, std::string_view url);

}  // namespace yz::edge
