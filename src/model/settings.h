#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ip.h"

namespace yz::model {

/// One of the CDN zone's name servers.
struct NameServer {
  std::string name;                  ///< fully qualified, no final dot
  std::vector<IpAddress> addresses;  ///< glue; needed when the name lies in the zone

  friend bool operator==(const NameServer&, const NameServer&) = default;
};

/// What the whole cluster shares. One per configuration.
struct Settings {
  std::string cdn_zone;                  ///< "cdn.example"; domains appear as "<label>.<cdn_zone>"
  std::vector<NameServer> name_servers;  ///< at least one; the first is the SOA's MNAME
  std::string hostmaster;                ///< the SOA's RNAME, as a domain name: "hostmaster.cdn.example"
  std::chrono::seconds ns_ttl{3600};
  std::chrono::seconds negative_ttl{30};  ///< SOA MINIMUM (RFC 2308 §4)
  std::string cluster_key;                ///< secret, at least 16 bytes: signs requests between edges (Yz-Peer)
  std::vector<IpPrefix> trusted_proxies;  ///< whose X-Forwarded-For is believed

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace yz::model
