#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace yz::cli {

/// One edge of the sample cluster.
struct PlannedNode {
  std::string name;
  std::string group;
  IpAddress address;
};

/// One instance of control.
struct PlannedControl {
  std::string name;  ///< of its program: "control 2"
  std::uint16_t api_port = 0;
  std::uint16_t rpc_port = 0;

  [[nodiscard]] std::string api_url() const;
};

/// What a cluster on production stores has besides: a second instance of control, and where the stores are.
struct PlannedStores {
  std::uint16_t api_port = 0;
  std::uint16_t rpc_port = 0;
  std::uint16_t database_port = 0;
  std::string database_password;
  std::uint16_t bus_port = 0;
  std::string bus_password;
  std::uint16_t redis_port = 0;
  std::string redis_password;
};

/// Where control keeps its state.
enum class Stores : std::uint8_t {
  kEmbedded,    ///< SQLite in its folder; one instance
  kProduction,  ///< real servers in the cluster's folder, MariaDB, NATS and Redis; two instances
};

/// A CDN on this machine: which program listens where and what it is called. Made once with free ports, remembered as
/// cluster.json in its folder, found again by the next `yz up` and by the other commands.
struct ClusterPlan {
  std::filesystem::path folder;  ///< absolute
  std::uint16_t api_port = 0;    ///< control: REST
  std::uint16_t rpc_port = 0;    ///< control: for nodes
  std::uint16_t dns_port = 0;    ///< scheduler: UDP and TCP
  std::uint16_t gslb_port = 0;   ///< scheduler: 302, HTTP-DNS, explain
  std::uint16_t edge_port = 0;   ///< every edge, each on its own address
  std::uint16_t https_port = 0;  ///< the same over TLS
  std::uint16_t origin_port = 0;
  std::string api_token;
  std::string admin_password;  ///< of admin@localhost, when control made that user with it
  std::string cluster_key;
  std::string zone = "cdn.test";
  std::string domain = "www.site.test";
  std::vector<PlannedNode> nodes;
  std::optional<PlannedStores> production;  ///< none: embedded

  [[nodiscard]] std::string api_url() const;
  /// Every instance of control; the first is the one of `api_port`.
  [[nodiscard]] std::vector<PlannedControl> controls() const;
  /// The name viewers resolve.
  [[nodiscard]] std::string cname() const { return domain + "." + zone; }
  /// The certificate edges show for every name that has none, signed by itself, and its key.
  [[nodiscard]] std::filesystem::path certificate() const { return folder / "edge-certificate.pem"; }
  [[nodiscard]] std::filesystem::path certificate_key() const { return folder / "edge-key.pem"; }
  [[nodiscard]] std::filesystem::path file() const { return folder / "cluster.json"; }

  /// The plan remembered in a folder. Fails with kNotFound when there is none, kInvalid when it is damaged.
  [[nodiscard]] static Result<ClusterPlan> load(const std::filesystem::path& folder);
  /// The remembered plan, or a new one, with every port free right now; ports that others took meanwhile are replaced.
  /// The folder is created. `first_port` is where the search starts, so that clusters made at once do not meet. A
  /// plan remembers its stores: asking for kProduction where it began with embedded ones fails with kConflict.
  [[nodiscard]] static Result<ClusterPlan> load_or_make(const std::filesystem::path& folder, std::uint16_t first_port,
                                                        Stores stores = Stores::kEmbedded);
  [[nodiscard]] Status save() const;
};

/// Whether TCP (and UDP) `port` can be bound on the address.
[[nodiscard]] bool is_port_free(const IpAddress& address, std::uint16_t port);

}  // namespace yz::cli
