#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/result.h"
#include "bus/nats_tls.h"
#include "control/acme/certificate_desk.h"
#include "control/caps/cap_desk.h"
#include "control/oidc/oidc_settings.h"
#include "store/session_store.h"

namespace yz::control {

/// `access_logs:` customers' access logs that nodes delivered.
struct AccessLogSettings {
  std::filesystem::path folder;      ///< one for all instances on a database; empty: `access-logs` in the state folder
  ByteCount quota = gib(100);        ///< of all; beyond it the oldest batches go first
  ByteCount tenant_quota = gib(20);  ///< of one tenant, compressed; beyond it its oldest hours go first
  std::chrono::milliseconds retention = std::chrono::hours(24 * 31);
};

/// What yz-control is started with: a YAML file (docs in `describe_settings`), each value overridable by a flag. All of
/// it is read at the start; changing it needs a restart.
struct ControlSettings {
  Endpoint listen{IpAddress::v4(0x7f000001), 8080};  ///< REST API
  std::string node_listen = "127.0.0.1:8443";        ///< host:port for agents and schedulers (mutual TLS)
  std::filesystem::path state = "control-state";     ///< folder: database, bus, CA, tokens
  std::string advertise;                             ///< URL other instances name for this API; empty: `listen`
  std::string database;                              ///< URL; empty: sqlite in the state folder
  std::string bus;                                   ///< URL of NATS; empty: embedded in the state folder
  bus::NatsTls bus_tls;                              ///< for a `tls://` bus
  std::string redis;                                 ///< URL; empty: none
  std::uint64_t rate_limit = 0;                      ///< requests a minute of one token or user; 0: no limit
  std::filesystem::path web;                         ///< folder of the built portals; empty: none are served
  std::filesystem::path ip_data;                     ///< compiled address map, for explain; empty: knows nothing
  std::string cdn_zone = "cdn.internal";             ///< of a new cluster; later it is changed over the API
  std::filesystem::path bootstrap_token_file;        ///< first operator token, chosen by the operator; empty: made
  std::string admin_email = "admin@localhost";       ///< of the first user
  std::filesystem::path admin_password_file;         ///< its password, chosen by the operator; empty: made
  store::SessionLimits sessions;                     ///< `session_idle`, `session_lifetime`
  OidcSettings oidc;                                 ///< an identity provider people may sign in at
  std::size_t threads = 8;                           ///< for work that blocks
  std::chrono::milliseconds purge_retention = std::chrono::hours(72);
  AccessLogSettings access_logs;
  std::chrono::milliseconds barrier_patience{2000};  ///< how long schedulers wait for edges that do not answer
  bool check_private_origins = false;                ///< whether an origin check may ask addresses that are not public
  log::Level log_level = log::Level::kInfo;
  std::string log_file;  ///< empty: standard error

  /// Not of the file: how certificate authorities are reached, and how soon things are tried again. For tests.
  CertificateDesk::Options certificates;
  CapDesk::Options caps;

  [[nodiscard]] std::string database_url() const;
};

/// Reads a YAML file. Fails with kInvalid and "file:line: pointer: what was expected", one a line.
[[nodiscard]] Result<ControlSettings> read_settings(const std::filesystem::path& file);
/// The same from text; `file_name` for messages.
[[nodiscard]] Result<ControlSettings> parse_settings(std::string_view text, std::string_view file_name);

}  // namespace yz::control
