#include "edge/upstream/ask.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/block_pool.h"
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

/// A wait at a gate that was none is not noted.
void note_queue(Worker& worker, MonoTime began) {
  if (worker.reactor().now() > began) note_time(worker, Phase::kQueue, began);
}

/// Whether the breaker lets a request to this server pass, or why not.
Result<Breaker::Entry> enter(ServerState& server, MonoTime now) {
  const Breaker::Entry entry = server.breaker.enter(now);
  if (entry != Breaker::Entry::kNo) return entry;
  Error out{Code::kUnavailable, Fault::kOrigin, true, server.name + " has failed and is left alone for a while"};
  return fail(with_reason(std::move(out), "out"));
}

/// The gate let nobody in: what is said of it.
Error not_let_in(ServerState& server, Error error, bool is_probe) {
  server.breaker.gave_up(is_probe);
  const bool is_full = error.code == Code::kLimit;
  error = std::move(error).with_context(server.name).blamed_on(Fault::kOrigin);
  return with_reason(std::move(error), is_full ? "queue-full" : "queue-timeout");
}

/// Whether a failure speaks of the server asked: not the viewer's broken body, nor a wait that was given up.
bool is_servers(const Error& error) { return error.fault == Fault::kOrigin && error.code != Code::kCancelled; }

/// Whether requests to origins of this group differ from what was forwarded.
bool is_adapted(const model::OriginGroup& group, const net::ClientRequest& request) {
  return request.host.empty() || !group.host_header.empty() || !group.remove_headers.empty() ||
         !group.set_headers.empty() || group.auth != model::OriginAuth::kNone;
}

net::ClientRequest adapted(net::ClientRequest request, const model::OriginGroup& group, const model::Origin& origin,
                           WallTime now) {
  if (!group.host_header.empty()) request.host = group.host_header;
  if (request.host.empty()) request.host = host_of(origin);
  for (const std::string& name : group.remove_headers) request.headers.remove(name);
  for (const model::HeaderField& field : group.set_headers) request.headers.set(field.name, field.value);
  sign_for_origin(request, group, now);
  return request;
}

/// Where an origin is reached that has to be looked up or speaks TLS.
io::Task<Result<net::Upstream>> find_upstream(Worker& worker, const Site& site, const model::Origin& origin,
                                              const std::string& host) {
  const model::OriginGroup& group = site.origins;
  const MonoTime deadline = worker.reactor().in(group.connect_timeout);
  auto resolved = co_await worker.server().resolver().resolve(origin.host, deadline);
  if (!resolved) co_return fail(with_reason(std::move(resolved).error(), "dns"));
  const auto addresses = net::connection_order(*resolved, worker.random().next());
  net::Upstream upstream;
  upstream.endpoint = {addresses.front(), origin.port};
  upstream.others.assign(addresses.begin() + 1, addresses.end());
  upstream.tls = origin.tls;
  upstream.verify_tls = group.verify_tls;
  if (origin.tls) {
    upstream.tls_server_name = group.sni.empty() ? name_without_port(host) : group.sni;
    upstream.tls_verify_name = group.tls_name;
    upstream.tls_context = site.servers->tls;
  }
  co_return upstream;
}

}  // namespace

io::Task<Result<net::ClientResponse>> ask_peer(Worker& worker, const RunningConfig& config, const Peer& peer,
                                               const Forwarded& forwarded,
                                               std::chrono::milliseconds first_byte_timeout) {
  io::Reactor& reactor = worker.reactor();
  ServerState& server = *peer.state;
  YZ_CO_TRY(const Breaker::Entry entry, enter(server, reactor.now()));
  const bool is_probe = entry == Breaker::Entry::kProbe;
  const MonoTime queued = reactor.now();
  Status passed = co_await server.gate->enter(kPeerLimits, reactor.in(kPeerConnect));
  note_queue(worker, queued);
  if (!passed) co_return fail(not_let_in(server, std::move(passed).error(), is_probe));
  const auto permit = std::allocate_shared<Permit>(PoolAllocator<Permit>(), peer.state, peer_breaker_rules(), is_probe);
  net::ClientRequest request = forwarded.request;
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
                                                          const net::ClientRequest& request) {
  const model::OriginGroup& group = site.origins;
  const model::Origin& origin = *candidate.origin;
  if (origin.tls && !site.servers->tls) {
    Error error{Code::kPermission, Fault::kOrigin, false, site.servers->tls_problem};
    co_return fail(with_reason(std::move(error), "tls-refused"));
  }
  std::optional<net::ClientRequest> own;
  if (is_adapted(group, request)) own = adapted(request, group, origin, worker.reactor().wall_now());
  const net::ClientRequest& sent = own ? *own : request;
  std::optional<net::Upstream> found;
  if (candidate.fixed == nullptr) {
    YZ_CO_TRY(found, co_await find_upstream(worker, site, origin, sent.host));
  }
  net::ClientTimeouts timeouts;
  timeouts.connect = group.connect_timeout;
  timeouts.first_byte = group.first_byte_timeout;
  timeouts.idle = timeouts.write_stall = group.idle_timeout;
  auto response = co_await worker.client().ask(found ? *found : *candidate.fixed, sent, timeouts);
  if (response) co_return response;
  Error error = classified(std::move(response).error());
  if (reason_of(error).starts_with("connect-")) worker.server().resolver().suspect(origin.host);
  co_return fail(std::move(error));
}

io::Task<Result<net::ClientResponse>> ask_origin(Worker& worker, const Site& site, Candidate candidate,
                                                 const net::ClientRequest& request) {
  io::Reactor& reactor = worker.reactor();
  const model::OriginGroup& group = site.origins;
  ServerState& server = *candidate.state;
  YZ_CO_TRY(const Breaker::Entry entry, enter(server, reactor.now()));
  const bool is_probe = entry == Breaker::Entry::kProbe;
  const Gate::Limits limits{group.max_connections, group.max_queued};
  const MonoTime queued = reactor.now();
  Status passed = co_await server.gate->enter(limits, reactor.in(group.queue_timeout));
  note_queue(worker, queued);
  if (!passed) co_return fail(not_let_in(server, std::move(passed).error(), is_probe));
  const auto permit =
      std::allocate_shared<Permit>(PoolAllocator<Permit>(), server.shared_from_this(), breaker_rules(group), is_probe);
  const MonoTime began = reactor.now();
  auto response = co_await ask_unconditionally(worker, site, candidate, request);
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
