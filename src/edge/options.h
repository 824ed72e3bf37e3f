#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ip.h"
#include "base/result.h"
#include "cache/disk/block_device.h"
#include "edge/tls/ocsp_policy.h"
#include "http/profile.h"
#include "io/backend.h"
#include "model/ids.h"

namespace yz::edge {

/// An origin given on the command line, for an edge that runs alone: "http://127.0.0.1:9000" or "https://host".
struct StandaloneOrigin {
  std::string host;
  std::uint16_t port = 80;
  bool tls = false;
};
[[nodiscard]] Result<StandaloneOrigin> parse_origin_url(std::string_view url);

/// What is set once at start, by `--name-with-dashes` or in YAML as `name_with_underscores`. What may change while it
/// runs comes as configuration over the admin socket.
struct Options {
  std::vector<Endpoint> listen;           ///< `listen`: addresses viewers connect to; at least one
  std::vector<Endpoint> tls_listen;       ///< `tls_listen`: the same over TLS
  std::vector<std::string> cert;          ///< `cert`: PEM chains shown for names that have no certificate of their own
  std::vector<std::string> key;           ///< `key`: the keys of these, in the same order
  bool kernel_tls = true;                 ///< `kernel_tls`: on or off; on lets the kernel encrypt where it can
  OcspPolicy ocsp = OcspPolicy::kPublic;  ///< `ocsp`: off, public or any: whose responders are asked
  std::string admin;                      ///< `admin`: path of the unix socket; empty: none
  std::filesystem::path state;            ///< `state`: folder of purge log and usage; empty: kept in memory
  ByteCount memory = mib(512);            ///< `memory`: hard bound of the cache, at least 8 MiB
  ByteCount max_object{0};                ///< `max_object`: larger: in slices or not kept; 0: half of `memory`
  ByteCount slice_size = mib(1);   ///< `slice_size`: large objects are kept in slices of it, 64 KiB to 16 MiB; 0: whole
  ByteCount slice_above = mib(4);  ///< `slice_above`: what is large
  /// `connections_per_address`: of one client at one worker, more are closed; 0: no limit. This machine's are not
  /// counted.
  std::uint32_t connections_per_address = 2000;
  /// `body_min_rate`: bytes a second of a viewer's request body after its first 10 s, up to 1 MiB; 0: none.
  ByteCount body_min_rate{240};
  /// `send_min_rate`: bytes a second that a viewer takes of an answer after its first 30 s, up to 1 MiB; 0: none.
  ByteCount send_min_rate = kib(1);
  /// `disk`: "PATH:SIZE" or "PATH:SIZE:sparse", each a file or block device that keeps what memory lets go of. Without
  /// `state`, what is on it is not trusted after a restart once something was purged.
  std::vector<cache::DiskPlace> disks;
  ByteCount disk_write_rate = mib(100);  ///< `disk_write_rate`: bytes a second written to each disk; 0: no bound
  std::chrono::milliseconds leader_timeout{10'000};  ///< `leader_timeout`: who waits this long for a head fetches anew
  unsigned workers = 1;                              ///< `workers`: threads, 1 to 256
  io::Backend io = io::default_backend();  ///< `io`: of the workers: auto (the fastest that works), epoll or uring
  http::Profile profile = http::Profile::kSafe;  ///< `profile`: rfc or safe, for an edge that runs alone
  model::NodeId node;                            ///< `node`: who we are in the configuration; 0 alone
  std::optional<StandaloneOrigin> origin;        ///< `origin`: runs alone, every host is served from there
  std::string host_header;                       ///< `host_header`: sent to that origin; empty: the viewer's
  std::string access_log;                        ///< `access_log`: JSON lines to this file; "-": standard output
  std::filesystem::path log_spool;               ///< `log_spool`: folder of customers' access logs; empty: none
  ByteCount log_budget = gib(1);                 ///< `log_budget`: bytes it may hold, at least 1 MiB; 0: no logs
  std::string geo_map;                           ///< `geo_map`: compiled address map, for edge correction
  const Clock* clock = nullptr;                  ///< no flag: the time caching goes by, for tests; null: the machine's
  bool http2 = true;                             ///< `http2`: serve HTTP/2; in the clear by prior knowledge
  /// How a disk is opened; for tests.
  std::function<Result<std::unique_ptr<cache::BlockDevice>>(const cache::DiskPlace&)> open_disk =
      cache::open_block_device;
  std::string config;  ///< `--config FILE`: the YAML file; flags given beside it win
};

/// Reads the arguments of main() and the file they name. Fails with kInvalid: the flag or file:line, and what was
/// expected.
/// `--help` gives kCancelled with the text to print.
[[nodiscard]] Result<Options> read_options(int argc, const char* const* argv);

}  // namespace yz::edge
