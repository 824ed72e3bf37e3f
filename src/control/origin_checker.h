#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/ip.h"
#include "io/blocking_pool.h"
#include "io/reactor.h"
#include "io/resolver.h"
#include "net/http_client.h"

namespace yz::control {

/// What is asked of an origin.
struct OriginQuestion {
  std::string host;  ///< a name or an address
  std::uint16_t port = 80;
  bool tls = false;
  bool verify_tls = true;
  std::string host_header;  ///< empty: the host
  std::string path = "/";
};

/// What came. Without a status nothing did, and `error` says why.
struct OriginReport {
  std::optional<int> status;
  std::string error;
  std::string address;
  std::chrono::microseconds took{};
  std::string cache_control;
  bool has_etag = false;
  bool has_last_modified = false;
  bool takes_ranges = false;
};

/// Looks at customers' origins from where control stands, before a domain is made. A caller names the host, so control
/// must not become a way into the operator's own network: addresses that are not public are refused unless allowed, the
/// address that was judged is the one that is asked, redirects are not followed and no body is shown. Belongs to the
/// reactor's thread; the pool outlives it.
class OriginChecker final {
 public:
  static constexpr std::chrono::seconds kPatience{8};

  /// `names` is for names alone: see Live::name_pool.
  OriginChecker(io::Reactor& reactor, io::BlockingPool& names, bool allows_private);

  /// Fails with kPermission (client) when the host has no public address, and with kLimit when too many checks run.
  [[nodiscard]] io::Task<Result<OriginReport>> check(OriginQuestion question);

 private:
  static constexpr int kMostAtOnce = 16;

  io::Reactor& reactor_;
  io::Resolver resolver_;
  net::HttpClient client_;
  const bool allows_private_;
  int running_ = 0;
};

}  // namespace yz::control
