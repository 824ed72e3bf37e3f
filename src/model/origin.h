#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/tls_version.h"

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

/// What becomes of a fill when every viewer who waited for it has left.
enum class OnClientAbort : std::uint8_t {
  kFinish,     ///< it goes on: the next viewer finds the whole
  kStopBelow,  ///< it stops, unless `finish_percent` of the body has arrived
};

/// How requests to a private origin are signed.
enum class OriginAuth : std::uint8_t {
  kNone,
  kAwsV4,   ///< AWS Signature Version 4, service s3
  kAliOss,  ///< the "OSS key:signature" header of Alibaba Cloud's object store
};

/// A field set on every request to an origin.
struct HeaderField {
  std::string name;
  std::string value;

  friend bool operator==(const HeaderField&, const HeaderField&) = default;
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
  std::uint32_t max_connections = 256;  ///< per node, to each origin

  // --- since format 2 ---
  std::chrono::milliseconds idle_timeout{30000};  ///< between two reads of a body
  std::uint32_t max_queued = 1024;  ///< requests that may wait for a connection, per node; more are refused at once
  std::chrono::milliseconds queue_timeout{5000};
  std::string tls_name;  ///< the name the certificate must have; empty: the TLS server name
  std::string ca_pem;    ///< trusted instead of the system's authorities; empty: those
  TlsVersion min_tls = TlsVersion::kTls12;
  std::uint32_t fall = 3;                       ///< failures in a row that take an origin out
  std::uint32_t rise = 2;                       ///< successes in a row that bring it back
  std::chrono::milliseconds open_time{1000};    ///< out for so long at first, doubled at each failed return up to 30 s
  std::chrono::milliseconds slow_start{10000};  ///< until a returned origin has its whole share again
  std::uint32_t retry_percent = 20;             ///< retries allowed, in percent of first tries
  std::string health_path;                      ///< asked at each origin regularly; empty: traffic alone tells
  std::chrono::milliseconds health_interval{5000};
  OnClientAbort on_client_abort = OnClientAbort::kFinish;
  std::uint32_t finish_percent = 80;  ///< see OnClientAbort::kStopBelow
  std::vector<HeaderField> set_headers;
  std::vector<std::string> remove_headers;  ///< names
  OriginAuth auth = OriginAuth::kNone;
  std::string auth_key;     ///< the public half: access key id
  std::string auth_secret;  ///< never shown
  std::string auth_region;  ///< of kAwsV4: "us-east-1"
  std::string auth_bucket;  ///< of kAliOss, when the host is not "<bucket>.…"

  friend bool operator==(const OriginGroup&, const OriginGroup&) = default;
};

}  // namespace yz::model
