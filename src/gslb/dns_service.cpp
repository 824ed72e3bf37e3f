#include "gslb/dns_service.h"

#include <algorithm>

namespace yz::gslb {

DnsCounters::DnsCounters(metrics::Registry& registry) {
  const auto queries = [&](const char* transport) {
    return registry.counter("yz_dns_queries_total", "DNS messages received.", {{"transport", transport}});
  };
  const auto responses = [&](const char* rcode) {
    return registry.counter("yz_dns_responses_total", "DNS responses sent, by code.", {{"rcode", rcode}});
  };
  udp = queries("udp");
  tcp = queries("tcp");
  noerror = responses("NOERROR");
  nxdomain = responses("NXDOMAIN");
  formerr = responses("FORMERR");
  refused = responses("REFUSED");
  servfail = responses("SERVFAIL");
  other = responses("other");
  dropped = registry.counter("yz_dns_dropped_total", "DNS messages that got no response.");
  with_subnet = registry.counter("yz_dns_client_subnet_total", "Scheduled answers to queries with a client subnet.");
}

void DnsCounters::count(dns::Rcode rcode) const {
  switch (rcode) {
    case dns::Rcode::kNoError:
      return noerror.add();
    case dns::Rcode::kNxDomain:
      return nxdomain.add();
    case dns::Rcode::kFormErr:
      return formerr.add();
    case dns::Rcode::kRefused:
      return refused.add();
    case dns::Rcode::kServFail:
      return servfail.add();
    default:
      return other.add();
  }
}

std::size_t DnsService::answer(std::string_view query, const Endpoint& client, net::DnsTransport transport,
                               std::span<char> reply) {
  const bool is_udp = transport == net::DnsTransport::kUdp;
  (is_udp ? counters_.udp : counters_.tcp).add();
  world_ = scheduler_.refresh();
  // Nobody asks from port 0: an answer would go to whoever's address was forged.
  if (world_ == nullptr || client.port == 0) {
    counters_.dropped.add();
    return 0;
  }
  resolver_ = client.address;
  const auto answered = world_->zones->authority->answer(query, is_udp, *this, reply);
  if (answered.size == 0) {
    counters_.dropped.add();
  } else {
    counters_.count(answered.rcode);
  }
  return answered.size;
}

dns::ServiceAnswer DnsService::answer(std::uint32_t service, dns::Type type, const dns::Query& query) {
  const auto subnet = query.edns ? query.edns->client_subnet : std::nullopt;
  if (subnet) counters_.with_subnet.add();
  const auto place = Scheduler::locate(*world_, resolver_, subnet);
  const auto choice =
      scheduler_.choose(world_->plan_of_service[service - 1], world_->zones->services[service - 1], place);
  dns::ServiceAnswer out;
  if (choice.answer == nullptr) {
    out.is_unavailable = true;
    return out;
  }
  const bool is_v4 = type == dns::Type::kA;
  const auto& from = is_v4 ? choice.answer->v4 : choice.answer->v6;
  out.count = is_v4 ? choice.answer->v4_count : choice.answer->v6_count;
  std::copy_n(from.begin(), out.count, out.addresses.begin());
  out.ttl = choice.ttl;
  out.scope = place.scope;
  return out;
}

}  // namespace yz::gslb
