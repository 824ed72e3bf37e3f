#include "edge/admin/prefetch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "edge/edge_server.h"
#include "http/authority.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "io/waiters.h"
#include "media/manifest.h"
#include "net/http_client.h"

namespace yz::edge {
namespace {

constexpr std::size_t kAtOnce = 8;
constexpr std::size_t kLargestManifest = 4 << 20;
constexpr std::size_t kMostLinks = 20'000;
constexpr std::size_t kBuffer = 64 * 1024;

/// An address of ours that can be connected to.
Endpoint own_endpoint(const EdgeServer& server) {
  Endpoint endpoint = server.listening().front();
  const bool any = endpoint.address == IpAddress() || endpoint.address == IpAddress::v6({});
  if (any) endpoint.address = endpoint.address.is_v4() ? IpAddress::v4(0x7F000001) : *IpAddress::parse("::1");
  return endpoint;
}

/// Which kind of manifest an answer is that can be read as it comes; none for anything else.
std::optional<media::ManifestKind> manifest_of(const http::ResponseHead& head, std::string_view path) {
  const http::Fields fields = head.fields;
  if (head.status != 200 || fields.has(http::FieldId::kContentEncoding)) return std::nullopt;
  return media::manifest_kind(fields.single(http::FieldId::kContentType).value_or(""), path);
}

void tell_links(media::ManifestKind kind, std::string_view manifest, PrefetchOutcome& out) {
  if (manifest.size() < out.bytes) {
    out.reason = "the manifest is too large to be read";
  } else if (auto found = media::read_links(kind, manifest, out.url, kMostLinks)) {
    out.links = std::move(found->urls);
    out.links_cut = found->is_cut;
  } else {
    out.reason = "the manifest cannot be read: " + found.error().message;
  }
}

io::Task<PrefetchOutcome> fetch_one(EdgeServer& server, net::HttpClient& client, std::string url, Manifests manifests) {
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
  const auto kind = manifests == Manifests::kRead ? manifest_of(response->head(), reference.path) : std::nullopt;
  std::string manifest;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  for (;;) {
    const auto size = co_await response->read(std::span(buffer.get(), kBuffer));
    if (!size) {
      out.reason = size.error().message;
      co_return out;
    }
    if (*size == 0) break;
    out.bytes += *size;
    if (kind && out.bytes <= kLargestManifest) manifest.append(buffer.get(), *size);
  }
  out.ok = out.status >= 200 && out.status < 400;
  if (!out.ok) out.reason = fmt::format("the answer was {}", out.status);
  if (kind) tell_links(*kind, manifest, out);
  co_return out;
}

/// Takes URLs one by one until none is left.
io::Task<void> work(EdgeServer& server, net::HttpClient& client, const std::vector<std::string>& urls,
                    Manifests manifests, std::vector<PrefetchOutcome>& outcomes, std::size_t& next, std::size_t& ended,
                    io::Event& all_done) {
  while (next < urls.size()) {
    const std::size_t index = next++;
    outcomes[index] = co_await fetch_one(server, client, urls[index], manifests);
    if (++ended == urls.size()) all_done.set();
  }
}

}  // namespace

io::Task<std::vector<PrefetchOutcome>> prefetch(EdgeServer& server, net::HttpClient& client,
                                                std::vector<std::string> urls, Manifests manifests) {
  std::vector<PrefetchOutcome> outcomes(urls.size());
  if (urls.empty()) co_return outcomes;
  std::size_t next = 0;
  std::size_t ended = 0;
  io::Event all_done;
  io::TaskScope workers;  // destroyed before what its tasks refer to
  for (std::size_t i = 0; i < std::min(kAtOnce, urls.size()); ++i) {
    io::Reactor::current().spawn_into(workers, work(server, client, urls, manifests, outcomes, next, ended, all_done));
  }
  (void)co_await all_done.wait(io::kNoDeadline);  // each fetch has deadlines of its own
  co_return outcomes;
}

}  // namespace yz::edge
