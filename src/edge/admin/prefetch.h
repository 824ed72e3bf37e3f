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
  std::string reason;              ///< why not; or why a manifest's links are not told
  std::vector<std::string> links;  ///< of a manifest: what it needs to be played (media::read_links)
  bool links_cut = false;          ///< it has more
};

/// What to do with manifests (HLS, DASH) besides fetching them.
enum class Manifests : std::uint8_t { kFetch, kRead };

/// Fetches each URL through this edge's own listener, as a viewer would, so that rules, keys and collapsing are the
/// same; marked so that it is neither counted nor redirected. Several at a time; the outcomes keep the order of the
/// URLs. Of a manifest of at most 4 MiB that is to be read, at most 20,000 links are told.
[[nodiscard]] io::Task<std::vector<PrefetchOutcome>> prefetch(EdgeServer& server, net::HttpClient& client,
                                                              std::vector<std::string> urls, Manifests manifests);

}  // namespace yz::edge
