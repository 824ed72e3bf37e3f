#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.h"

namespace yz::model {

/// One server of a customer that holds the original content.
struct Origin {
  std::string host;  ///< name or address literal, IPv6 without brackets
  std::uint16_t port = 80;
  std::uint32_t weight = 1;  ///< share among the origins of the same kind; 0 takes none
  bool backup = false;       ///< used only while no primary answers
  bool tls = false;

  friend bool operator==(const Origin&, const Origin&) = default;
};

/// The origins of one or more domains, and how to speak to them.
struct OriginGroup {
  OriginGroupId id;
  TenantId tenant;
  std::string name;
  std::vector<Origin> origins;
  std::string host_header;  ///< empty: the host the viewer asked for
  std::string sni;          ///< TLS server name; empty: the host header that is sent
  bool verify_tls = true;
  std::chrono::milliseconds connect_timeout{3000};
  std::chrono::milliseconds first_byte_timeout{30000};
  std::uint32_t max_connections = 256;  ///< per node, all origins together

  friend bool operator==(const OriginGroup&, const OriginGroup&) = default;
};

}  // namespace yz::model
