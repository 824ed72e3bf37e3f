#include "edge/upstream/ask.h"

#include <algorithm>

#include <fmt/format.h>

#include "edge/edge_server.h"
#include "edge/upstream/failure.h"
#include "edge/upstream/peer_auth.h"
#include "edge/upstream/signing.h"
#include "http/authority.h"
#include "net/connect_any.h"

namespace yz::edge {
namespace {

constexpr std::chrono::milliseconds kPeerConnect{500};
/// A peer waits for the origin as long as we would; this much longer we wait for the peer.
constexpr std::chrono::seconds kPeerAllowance{5};
constexpr std::chrono::milliseconds kPeerIdle{30'000};
/// No bound of their own for peers: each has its own towards origins, and the gate counts for bounded loads.
constexpr Gate::Limits kPeerLimits{1U << 20, 0};

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

void note_time(Worker& worker, Phase phase, MonoTime began) {
  worker.server().counters().phases.record(phase, began, worker.reactor().now());
}

/// The right to send one request to a server, or why not.
io::Task<Result<std::shared_ptr<Permit>>> enter(std::shared_ptr<ServerState> server, BreakerRules rules,
                                                Gate::Limits limits, MonoTime deadline, Worker& worker) {
  const Breaker::Entry entry = server->breaker.enter(worker.reactor().now());
  if (entry == Breaker::Entry::kNo) {
    Error out{Code::kUnavailable, Fault::kOrigin, true, server->name + " has failed and is left alone for a while"};
    co_return fail(with_reason(std::move(out), "out"));
  }
  const bool is_probe = entry == Breaker::Entry::kProbe;
  const MonoTime began = worker.reactor().now();
  Status passed = co_await server->gate->enter(limits, deadline);
  if (worker.reactor().now() > began) note_time(worker, Phase::kQueue, began);
  if (!passed) {
    server->breaker.gave_up(is_probe);
    const bool is_full = passed.error().code == Code::kLimit;
    Error error = std::move(passed).error().with_context(server->name).blamed_on(Fault::kOrigin);
    co_return fail(with_reason(std::move(error), is_full ? "queue-full" : "queue-timeout"));
  }
  co_return std::make_shared<Permit>(std::move(server), rules, is_probe);
}

/// Whether a failure speaks of the server asked: not the viewer's broken body, nor a wait that was given up.
bool is_servers(const Error& error) { return error.fault == Fault::kOrigin && error.code != Code::kCancelled; }

}  // namespace

io::Task<Result<net::ClientResponse>> ask_peer(Worker& worker, const RunningConfig& config, const Peer& peer,
                                               Forwarded forwarded, std::chrono::milliseconds first_byte_timeout) {
  io::Reactor& reactor = worker.reactor();
  YZ_CO_TRY(const auto permit,
            co_await enter(peer.state, peer_breaker_rules(), kPeerLimits, reactor.in(kPeerConnect), worker));
  net::ClientRequest request = std::move(forwarded.request);
  request.headers.add(http::FieldId::kYzPeer,
                      sign_peer(config.cluster_key, config.self, reactor.wall_now(), request.host, request.target));
  request.headers.add(http::FieldId::kYzPurgeSeq, std::to_string(forwarded.purge_seq.value));
  net::ClientTimeouts timeouts;
  timeouts.connect = kPeerConnect;
  timeouts.first_byte = first_byte_timeout + kPeerAllowance;
  timeouts.idle = kPeerIdle;
  net::Upstream upstream;
  upstream.endpoint = peer.endpoint;
  const MonoTime began = reactor.now();
  auto response = co_await worker.client().send(std::move(upstream), std::move(request), timeouts);
  note_time(worker, Phase::kUpstream, began);
  if (!response) {
    Error error = classified(std::move(response).error());
    if (is_servers(error)) permit->failed(reactor.now());
    co_return fail(std::move(error));
  }
  // What a peer answers speaks of the origin behind it, not of the peer.
  permit->answered(response->status(), reactor.now(), false);
  response->hold(permit);
  co_return response;
}

io::Task<Result<net::ClientResponse>> ask_unconditionally(Worker& worker, const Site& site, Candidate candidate,
                                                          net::ClientRequest request) {
  io::Reactor& reactor = worker.reactor();
  const model::OriginGroup& group = site.origins;
  const model::Origin& origin = *candidate.origin;
  if (origin.tls && !site.servers->tls) {
    Error error{Code::kPermission, Fault::kOrigin, false, site.servers->tls_problem};
    co_return fail(with_reason(std::move(error), "tls-refused"));
  }
  auto resolved = co_await worker.server().resolver().resolve(origin.host, reactor.in(group.connect_timeout));
  if (!resolved) co_return fail(with_reason(std::move(resolved).error(), "dns"));
  const auto addresses = net::connection_order(*resolved, worker.random().next());
  if (!group.host_header.empty()) request.host = group.host_header;
  if (request.host.empty()) request.host = host_of(origin);
  for (const std::string& name : group.remove_headers) request.headers.remove(name);
  for (const model::HeaderField& field : group.set_headers) request.headers.set(field.name, field.value);
  sign_for_origin(request, group, reactor.wall_now());

  net::Upstream upstream;
  upstream.endpoint = {addresses.front(), origin.port};
  upstream.others.assign(addresses.begin() + 1, addresses.end());
  upstream.tls = origin.tls;
  upstream.verify_tls = group.verify_tls;
  if (origin.tls) {
    upstream.tls_server_name = group.sni.empty() ? name_without_port(request.host) : group.sni;
    upstream.tls_verify_name = group.tls_name;
    upstream.tls_context = site.servers->tls;
  }
  net::ClientTimeouts timeouts;
  timeouts.connect = group.connect_timeout;
  timeouts.first_byte = group.first_byte_timeout;
  timeouts.idle = timeouts.write_stall = group.idle_timeout;
  auto response = co_await worker.client().send(std::move(upstream), std::move(request), timeouts);
  if (response) co_return response;
  Error error = classified(std::move(response).error());
  if (reason_of(error).starts_with("connect-")) worker.server().resolver().suspect(origin.host);
  co_return fail(std::move(error));
}

io::Task<Result<net::ClientResponse>> ask_origin(Worker& worker, const Site& site, Candidate candidate,
                                                 net::ClientRequest request) {
  io::Reactor& reactor = worker.reactor();
  const model::OriginGroup& group = site.origins;
  const Gate::Limits limits{group.max_connections, group.max_queued};
  YZ_CO_TRY(const auto permit,
            co_await enter(candidate.state, breaker_rules(group), limits, reactor.in(group.queue_timeout), worker));
  const MonoTime began = reactor.now();
  auto response = co_await ask_unconditionally(worker, site, std::move(candidate), std::move(request));
  note_time(worker, Phase::kUpstream, began);
  if (!response) {
    if (is_servers(response.error())) permit->failed(reactor.now());
    co_return response;
  }
  permit->answered(response->status(), reactor.now(), true);
  response->hold(permit);
  co_return response;
}

}  // namespace yz::edge
