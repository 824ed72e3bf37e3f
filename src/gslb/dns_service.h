#pragma once

#include <span>
#include <string_view>

#include "dns/authority.h"
#include "gslb/scheduler.h"
#include "metrics/counter.h"
#include "metrics/registry.h"
#include "net/dns_handler.h"

namespace yz::gslb {

/// What DNS counts. Copied freely.
struct DnsCounters {
  explicit DnsCounters(metrics::Registry& registry);
  metrics::Counter udp;
  metrics::Counter tcp;
  metrics::Counter noerror;
  metrics::Counter nxdomain;
  metrics::Counter formerr;
  metrics::Counter refused;
  metrics::Counter servfail;
  metrics::Counter other;
  metrics::Counter dropped;
  metrics::Counter with_subnet;

  void count(dns::Rcode rcode) const;
};

/// The scheduler behind one DNS thread: whole answers for the CDN zone. Before the first configuration it answers
/// nothing, so that resolvers try another server.
class DnsService final : public net::DnsHandler, private dns::ServiceSource {
 public:
  DnsService(const WorldSource& source, const DnsCounters& counters) : scheduler_(source), counters_(counters) {}

  [[nodiscard]] std::size_t answer(std::string_view query, const Endpoint& client, net::DnsTransport transport,
                                   std::span<char> reply) override;

 private:
  dns::ServiceAnswer answer(std::uint32_t service, dns::Type type, const dns::Query& query) override;

  Scheduler scheduler_;
  DnsCounters counters_;
  const World* world_ = nullptr;  // of the query in work
  IpAddress resolver_;
};

}  // namespace yz::gslb
