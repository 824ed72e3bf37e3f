#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/task.h"

namespace yz::net {
class HttpClient;
}

namespace yz::edge {

class EdgeServer;

struct PrefetchOutcome {
  std::string url;
  bool ok = false;
  int status = 0;  ///< 0: no answer
  std::uint64_t bytes = 0;
  std::string reason;
};

/// Fetches each URL through this edge's own listener, as a viewer would, so that rules, keys and collapsing are the
/// same; marked so that it is neither counted nor redirected. Several at a time; the outcomes keep the order of the
/// URLs.
[[nodiscard]] io::Task<std::vector<PrefetchOutcome>> prefetch(EdgeServer& server, net::HttpClient& client,
                                                              std::vector<std::string> urls);

}  // namespace yz::edge
