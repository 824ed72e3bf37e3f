#include "edge/admin/prefetch.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

#include "edge/edge_server.h"
#include "http/authority.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "io/waiters.h"
#include "net/http_client.h"

namespace yz::edge {
namespace {

constexpr std::size_t kAtOnce = 8;

/// An address of ours that can be connected to.
Endpoint own_endpoint(const EdgeServer& server) {
  Endpoint endpoint = server.listening().front();
  const bool any = endpoint.address == IpAddress() || endpoint.address == IpAddress::v6({});
  if (any) endpoint.address = endpoint.address.is_v4() ? IpAddress::v4(0x7F000001) : *IpAddress::parse("::1");
  return endpoint;
}

io::Task<PrefetchOutcome> fetch_one(EdgeServer& server, net::HttpClient& client, std::string url) {
  PrefetchOutcome out;
  out.url = url;
  const http::Reference reference = http::split_reference(url);
  if (http::default_port(reference.scheme) == 0 || !http::parse_authority(reference.authority)) {
    out.reason = "not an http:// or https:// URL";
    co_return out;
  }
  net::ClientRequest request;
  request.host = reference.authority;
  request.target = reference.path.empty() ? "/" : std::string(reference.path);
  if (reference.has_query) request.target.append("?").append(reference.query);
  request.headers.add(kPrefetchField, server.prefetch_secret());
  net::ClientTimeouts timeouts;
  timeouts.first_byte = std::chrono::seconds(60);
  auto response = co_await client.send({.endpoint = own_endpoint(server)}, std::move(request), timeouts);
  if (!response) {
    out.reason = std::move(response).error().message;
    co_return out;
  }
  out.status = response->status();
  const auto buffer = std::make_unique_for_overwrite<char[]>(64 * 1024);
  for (;;) {
    const auto size = co_await response->read(std::span(buffer.get(), 64 * 1024));
    if (!size) {
      out.reason = size.error().message;
      co_return out;
    }
    if (*size == 0) break;
    out.bytes += *size;
  }
  out.ok = out.status >= 200 && out.status < 400;
  if (!out.ok) out.reason = fmt::format("the answer was {}", out.status);
  co_return out;
}

/// Takes URLs one by one until none is left.
io::Task<void> work(EdgeServer& server, net::HttpClient& client, const std::vector<std::string>& urls,
                    std::vector<PrefetchOutcome>& outcomes, std::size_t& next, std::size_t& ended,
                    io::Event& all_done) {
  while (next < urls.size()) {
    const std::size_t index = next++;
    outcomes[index] = co_await fetch_one(server, client, urls[index]);
    if (++ended == urls.size()) all_done.set();
  }
}

}  // namespace

io::Task<std::vector<PrefetchOutcome>> prefetch(EdgeServer& server, net::HttpClient& client,
                                                std::vector<std::string> urls) {
  std::vector<PrefetchOutcome> outcomes(urls.size());
  if (urls.empty()) co_return outcomes;
  std::size_t next = 0;
  std::size_t ended = 0;
  io::Event all_done;
  io::TaskScope workers;  // destroyed before what its tasks refer to
  for (std::size_t i = 0; i < std::min(kAtOnce, urls.size()); ++i) {
    io::Reactor::current().spawn_into(workers, work(server, client, urls, outcomes, next, ended, all_done));
  }
  (void)co_await all_done.wait(io::kNoDeadline);  // each fetch has deadlines of its own
  co_return outcomes;
}

}  // namespace yz::edge
