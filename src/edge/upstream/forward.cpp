#include "edge/upstream/forward.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "edge/edge_server.h"
#include "edge/upstream/choice.h"
#include "edge/upstream/peer_auth.h"
#include "http/authority.h"
#include "http/cdn_loop.h"
#include "http/hop_by_hop.h"

namespace yz::edge {
namespace {

constexpr std::chrono::milliseconds kPeerConnect{500};
constexpr std::size_t kMostOrigins = 3;

bool is_for_next_hop(const http::Field& field) {
  switch (field.id) {
    case http::FieldId::kHost:
    case http::FieldId::kContentLength:
    case http::FieldId::kExpect:
    case http::FieldId::kXForwardedFor:
    case http::FieldId::kXForwardedProto:
      return true;
    default:
      return false;
  }
}

net::ClientTimeouts timeouts_of(const model::OriginGroup& group) {
  net::ClientTimeouts timeouts;
  timeouts.connect = group.connect_timeout;
  timeouts.first_byte = group.first_byte_timeout;
  timeouts.idle = group.first_byte_timeout;
  return timeouts;
}

/// A peer that sees a loop, or does not know the host yet, leaves the request to others.
bool is_not_served(http::StatusCode status) { return status == 508 || status == 421; }

/// Whether another server may be asked after this failure: nothing was understood, and nothing done twice does harm.
bool may_ask_another(const Error& error) { return error.fault == Fault::kOrigin && error.code != Code::kCancelled; }

std::string host_of(const model::Origin& origin) {
  const bool v6 = origin.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + origin.host + "]" : origin.host;
  const std::uint16_t usual = origin.tls ? 443 : 80;
  return origin.port == usual ? host : fmt::format("{}:{}", host, origin.port);
}

std::string name_without_port(const std::string& authority) {
  const auto parsed = http::parse_authority(authority);
  return parsed ? std::string(parsed->host) : authority;
}

io::Task<Result<net::ClientResponse>> ask_peer(Worker& worker, const RunningConfig& config, const Peer& peer,
                                               net::ClientTimeouts timeouts, Forwarded forwarded) {
  net::ClientRequest request = std::move(forwarded.request);
  request.headers.add(http::FieldId::kYzPeer, sign_peer(config.cluster_key, config.self, worker.reactor().wall_now(),
                                                        request.host, request.target));
  request.headers.add(http::FieldId::kYzPurgeSeq, std::to_string(forwarded.purge_seq.value));
  timeouts.connect = kPeerConnect;
  // The peer waits for the origin as long as we would.
  timeouts.first_byte += std::chrono::seconds(5);
  net::Upstream upstream;
  upstream.endpoint = peer.endpoint;
  co_return co_await worker.client().send(std::move(upstream), std::move(request), timeouts);
}

io::Task<Result<net::ClientResponse>> ask_origin(Worker& worker, const model::OriginGroup& group,
                                                 const model::Origin& origin, net::ClientRequest request) {
  const net::ClientTimeouts timeouts = timeouts_of(group);
  YZ_CO_TRY(const auto addresses,
            co_await worker.server().resolver().resolve(origin.host, worker.reactor().in(timeouts.connect)));
  if (!group.host_header.empty()) request.host = group.host_header;
  if (request.host.empty()) request.host = host_of(origin);
  net::Upstream upstream;
  upstream.endpoint = {addresses[worker.random().below(addresses.size())], origin.port};
  upstream.tls = origin.tls;
  upstream.verify_tls = group.verify_tls;
  if (origin.tls) upstream.tls_server_name = group.sni.empty() ? name_without_port(request.host) : group.sni;
  co_return co_await worker.client().send(std::move(upstream), std::move(request), timeouts);
}

}  // namespace

http::HeaderMap forwarded_fields(const http::RequestHead& request, const RunningConfig& config, const IpAddress& viewer,
                                 bool is_peer, bool is_tls) {
  const http::Fields fields = request.fields;
  http::HeaderMap out;
  for (const http::Field& field : fields) {
    const bool drop = http::is_hop_by_hop(field, fields) || http::is_internal(field) ||
                      http::is_unkeyed_override(field) || is_for_next_hop(field);
    if (!drop) out.add(field.name, field.value);
  }
  http::append_loop_and_via(out, config.cdn_id, request.version, config.node_name);
  if (is_peer) {
    if (request.fields.has(http::FieldId::kXForwardedFor)) {
      out.add(http::FieldId::kXForwardedFor, fields.combined(http::name_of(http::FieldId::kXForwardedFor)));
    }
    out.add(http::FieldId::kXForwardedProto, request.fields.value(http::FieldId::kXForwardedProto).value_or("http"));
    return out;
  }
  out.add(http::FieldId::kXForwardedFor, to_string(viewer));
  out.add(http::FieldId::kXForwardedProto, is_tls ? "https" : "http");
  return out;
}

io::Task<Result<Answer>> send_upstream(Worker& worker, std::shared_ptr<const ConfigPtr> held, const Site& site,
                                       Forwarded forwarded) {
  const RunningConfig& config = **held;
  std::uint64_t requests = 0;
  Error last{Code::kUnavailable, Fault::kOrigin, true, "no origin is configured for this host"};

  if (forwarded.may_ask_peer && !config.peers.empty()) {
    for (const Peer* peer : choose_peers(config.peers, forwarded.base, worker.health(), worker.reactor().now())) {
      ++requests;
      auto response = co_await ask_peer(worker, config, *peer, timeouts_of(site.origins), forwarded);
      if (response && !is_not_served(response->status())) {
        worker.health().succeeded(name_of(*peer));
        Answer answer{std::move(*response), to_string(peer->endpoint), std::nullopt, requests};
        const auto born = answer.response.head().fields.value(http::FieldId::kYzBornSeq);
        if (born) answer.born = cache::Seq{parse_u64(*born).value_or(0)};
        co_return answer;
      }
      if (!response) {
        last = std::move(response).error();
        if (last.code == Code::kUnavailable || last.code == Code::kTimeout) {
          worker.health().failed(name_of(*peer), worker.reactor().now());
        }
        if (!may_ask_another(last) || !forwarded.may_retry) co_return fail(std::move(last));
      }
    }
  }

  const auto origins = choose_origins(site.origins, worker.random().next(), worker.health(), worker.reactor().now());
  for (std::size_t i = 0; i < std::min(origins.size(), kMostOrigins); ++i) {
    ++requests;
    const model::Origin& origin = *origins[i];
    auto response = co_await ask_origin(worker, site.origins, origin, forwarded.request);
    if (response) {
      worker.health().succeeded(name_of(origin));
      co_return Answer{std::move(*response), fmt::format("{}:{}", origin.host, origin.port), std::nullopt, requests};
    }
    last = std::move(response).error();
    worker.health().failed(name_of(origin), worker.reactor().now());
    if (!may_ask_another(last) || !forwarded.may_retry) break;
  }
  co_return fail(std::move(last).blamed_on(Fault::kOrigin));
}

}  // namespace yz::edge
