#pragma once

#include <string>
#include <string_view>

namespace yz::edge {

class EdgeServer;

/// What this edge would do now with a GET of `url` with `fields` ("Name: value", a line each), and why: site, rule,
/// key, what is stored, its age and lifetime term by term, purges, whom a miss would ask. JSON text; its members are in
/// docs/formats/edge-admin.md.
[[nodiscard]] std::string explain_url(EdgeServer& server, std::string_view url, std::string_view fields = {});

}  // namespace yz::edge
