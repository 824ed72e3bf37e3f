#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "edge/options.h"
#include "edge/site.h"
#include "edge/tls/certificate_store.h"
#include "model/config_snapshot.h"
#include "model/node.h"

namespace yz::sched {
class SchedView;
}

namespace yz::edge {

class ServerBook;
struct ServerState;

/// A node of the second tier that this one may ask.
struct Peer {
  model::NodeId node;
  Endpoint endpoint;
  std::uint32_t weight = 0;
  std::shared_ptr<ServerState> state;
};

/// The configuration in force, prepared for requests. Immutable and shared: a request keeps the one it began with while
/// the next is swapped in.
struct RunningConfig {
  model::SnapshotPtr snapshot;  ///< null on an edge that runs alone
  std::string hash;             ///< content hash of the snapshot, 32 raw bytes
  SiteTable sites;
  model::NodeId self;
  model::Tier tier = model::Tier::kL1;
  std::string node_name = "yizhan";  ///< a token: our name in Via and Cache-Status
  std::string cdn_id = "yizhan";     ///< our name in CDN-Loop (RFC 8586)
  std::vector<Peer> peers;           ///< second-tier nodes; empty: straight to the origin
  std::map<model::OriginGroupId, std::shared_ptr<const Site>> origins;  ///< each group in use, by a site that uses it
  std::vector<IpPrefix> trusted_proxies;
  std::string cluster_key;
  std::shared_ptr<const CertificateStore> certificates;  ///< never null
  bool has_suspensions = false;
  std::uint16_t https_port = 0;                  ///< where viewers of this node find TLS; 0: not told
  std::shared_ptr<const sched::SchedView> view;  ///< for edge correction; null: none
  /// Of http-01, by token; in the snapshot.
  std::map<std::string_view, const model::Challenge*, std::less<>> challenges;
};
using ConfigPtr = std::shared_ptr<const RunningConfig>;

/// Prepares a snapshot for the node `self`, its servers joined to what `book` knows of them. Fails with kInvalid,
/// naming the first problem, when it is not consistent. `own` are the certificates of the edge's own settings; what
/// handshakes have read of certificates is taken over from `before`.
[[nodiscard]] Result<ConfigPtr> prepare_config(model::SnapshotPtr snapshot, model::NodeId self, ServerBook& book,
                                               OwnCertificates own, const RunningConfig& before);
/// The configuration of an edge that runs alone; without an origin it serves nothing yet.
[[nodiscard]] ConfigPtr prepare_standalone(const Options& options, ServerBook& book, OwnCertificates own);

}  // namespace yz::edge
