#pragma once

#include <functional>
#include <string>

#include "gslb/scheduler.h"
#include "metrics/registry.h"
#include "net/router.h"

namespace yz::gslb {

/// The scheduler's HTTP port, on one reactor:
///   GET /302/{host}/{path*}      302 to the best node for the client; also any request whose Host we schedule
///   GET /d?host=&ip=&query=4,6   HTTP-DNS in Alibaba's shape; /{account}/d too
///   GET /explain?name=&address=  the decision with its reasons (&format=text for people)
///   GET /metrics, GET /healthz
/// All decide as DNS does for a client subnet with the client's whole block. The client is the peer, or what a trusted
/// proxy of the settings says in X-Forwarded-For; `ip=` overrides both for HTTP-DNS.
class HttpApi final : public net::HttpHandler {
 public:
  /// `registry` and `source` outlive it.
  HttpApi(const WorldSource& source, metrics::Registry& registry);
  [[nodiscard]] io::Task<void> handle(net::Exchange& exchange) override { return router_.handle(exchange); }

 private:
  io::Task<void> redirect(net::Exchange& exchange, std::string host, std::string path_and_query);
  io::Task<void> resolve(net::Exchange& exchange);
  io::Task<void> explain(net::Exchange& exchange);
  io::Task<void> health(net::Exchange& exchange);
  [[nodiscard]] static IpAddress client_of(const net::Exchange& exchange, const World* world);

  struct Decided {
    model::DomainId domain;
    Place place;
    Choice choice;
  };
  [[nodiscard]] std::optional<Decided> decide(const World& world, const std::string& host, const IpAddress& client);

  metrics::Registry& registry_;
  Scheduler scheduler_;
  net::Router router_;
  metrics::Counter redirects_;
  metrics::Counter resolutions_;
};

}  // namespace yz::gslb
