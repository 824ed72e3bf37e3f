#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "gslb/health_book.h"
#include "gslb/prober.h"
#include "model/config_snapshot.h"

namespace yz::gslb {

/// What `yz-gslb --config FILE` reads (docs/operate/gslb.md). With `config` it runs alone; with `control` it joins a
/// cluster; either way it starts from what `state` holds when it can.
struct GslbSettings {
  std::vector<Endpoint> listen = {{IpAddress::v4(0), 53}};  ///< DNS over UDP and TCP
  std::optional<Endpoint> http;                             ///< 302, HTTP-DNS, explain, metrics
  unsigned workers = 1;                                     ///< UDP threads per address
  std::string nsid;
  std::filesystem::path geo;  ///< the compiled address map; none: nothing is known about addresses
  std::string geo_overrides;  ///< lines over the map: "CIDR country province isp"
  std::filesystem::path state;
  std::vector<std::string> control;  ///< host:port each
  std::string join_token;            ///< used once, when `state` holds no identity
  std::string name = "gslb";
  bool probing = true;
  ProbeOptions probe;
  HealthRules health;
  std::string log_level = "info";
  model::SnapshotPtr config;  ///< shared with the running world
};

/// Reads the file's text. Fails with kInvalid and "file:line: pointer: what was expected", one problem a line.
[[nodiscard]] Result<GslbSettings> parse_settings(std::string_view text, std::string_view file_name);

}  // namespace yz::gslb
