#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/text.h"
#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/peer_auth.h"
#include "http/authority.h"
#include "http/cdn_loop.h"

namespace yz::edge {
namespace {

/// A viewer's request passes us once; between our own tiers it may pass twice.
constexpr std::size_t kMostPassesOfPeers = 2;

/// The nearest address that is not a trusted proxy's: X-Forwarded-For is read from its end (each proxy appends), and
/// only as far as those who wrote it are believed.
IpAddress viewer_address(const Transaction& tx) {
  IpAddress nearest = tx.exchange.peer().address.unmapped();
  if (!tx.request().fields.has(http::FieldId::kXForwardedFor)) return nearest;
  const bool believes = tx.peer || is_trusted(tx.running(), nearest);
  if (!believes) return nearest;
  // Commas part it whatever stands between them: a quote that the viewer left open hides nobody who appended.
  std::vector<std::string_view> chain;
  for (const http::Field& field : tx.request().fields) {
    if (field.id != http::FieldId::kXForwardedFor) continue;
    for (const std::string_view element : split(field.value, ',')) chain.push_back(trim(element));
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    if (it->empty()) continue;
    const auto address = IpAddress::parse(*it);
    if (!address) break;
    nearest = address->unmapped();
    if (!is_trusted(tx.running(), nearest)) break;
  }
  return nearest;
}

void recognise_peer(Transaction& tx) {
  const auto field = tx.request().fields.value(http::FieldId::kYzPeer);
  if (!field) return;
  const auto host = tx.request().fields.value(http::FieldId::kHost).value_or("");
  const auto peer = verify_peer(tx.running().cluster_key, *field, tx.now, host, forward_target(tx.request()));
  if (!peer) return;
  tx.peer = *peer;
  const auto seq = tx.request().fields.value(http::FieldId::kYzPurgeSeq);
  if (seq) tx.asked_seq = cache::Seq{parse_u64(*seq).value_or(0)};
}

bool find_site(Transaction& tx) {
  const std::string_view host = tx.request().host;
  if (host.size() > tx.host_text.size() - 8) return false;
  std::size_t size = host.size();
  std::transform(host.begin(), host.end(), tx.host_text.begin(), [](char c) { return to_lower(c); });
  if (size > 1 && tx.host_text[size - 1] == '.') --size;
  const std::string_view lower(tx.host_text.data(), size);
  tx.site = tx.running().sites.find(lower);
  if (tx.site == nullptr) return false;
  tx.host = tx.site->name;
  if (!tx.host.empty()) return true;
  // Running alone: hosts and ports are kept apart.
  if (tx.request().port != 0) {
    tx.host_text[size++] = ':';
    const auto end =
        std::to_chars(tx.host_text.data() + size, tx.host_text.data() + tx.host_text.size(), tx.request().port);
    size = static_cast<std::size_t>(end.ptr - tx.host_text.data());
  }
  tx.host = {tx.host_text.data(), size};
  return true;
}

/// "/.yz/302/<host>/<path>" is served as <path> of <host>. False when it is not of that form.
bool unmark(Transaction& tx) {
  constexpr std::size_t kPrefix = std::string_view("/.yz/302/").size();
  const http::RequestHead& marked = tx.request();
  if (marked.form != http::TargetForm::kOrigin) return false;
  const std::string_view rest = marked.path.substr(kPrefix);
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return false;
  const auto authority = http::parse_authority(rest.substr(0, slash));
  if (!authority) return false;
  auto head = std::make_unique<http::RequestHead>(marked);
  head->host = authority->host;
  head->port = authority->port;
  head->path = rest.substr(slash);
  head->target = marked.target.substr(kPrefix + slash);
  head->fields.clear();
  for (http::Field field : marked.fields) {
    if (field.id == http::FieldId::kHost) field.value = rest.substr(0, slash);
    (void)head->fields.add(field);
  }
  tx.take_over(std::move(head));
  return !tx.request().path.starts_with("/.yz/");
}

/// What a certificate authority asks for (RFC 8555 §8.3), while an order is under way: ahead of every rule of the
/// domain, whether it is served here or not. Null: no such thing; then the path is the origin's.
const model::Challenge* find_challenge(const Transaction& tx) {
  const http::RequestHead& request = tx.request();
  const auto& challenges = tx.running().challenges;
  if (challenges.empty() || !request.path.starts_with(model::kChallengePath)) return nullptr;
  const auto it = challenges.find(request.path.substr(model::kChallengePath.size()));
  if (it == challenges.end() || !equals_ignoring_case(request.host, it->second->host)) return nullptr;
  return it->second;
}

io::Task<void> answer_challenge(Transaction& tx, const model::Challenge& challenge) {
  http::HeaderMap fields{{"Content-Type", "application/octet-stream"}, {"Cache-Control", "no-store"}};
  (void)co_await tx.exchange.respond(200, std::move(fields), challenge.value);
}

/// Nobody is billed for it, nor is it the domain's in statistics.
io::Task<void> refuse_suspended(Transaction& tx) {
  constexpr std::chrono::seconds kShortest{1};
  constexpr std::chrono::seconds kLongest{31 * 86'400};
  const auto left = std::chrono::ceil<std::chrono::seconds>(*tx.site->suspended_until - tx.now);
  tx.site = nullptr;
  tx.worker.server().counters().suspended.add();
  http::HeaderMap fields{{"Content-Type", "text/plain; charset=utf-8"},
                         {"Cache-Control", "no-store"},
                         {"Retry-After", std::to_string(std::clamp(left, kShortest, kLongest).count())}};
  (void)co_await tx.exchange.respond(503, std::move(fields), "this site has reached a limit and is suspended\n");
}

io::Task<void> answer_health(Transaction& tx) {
  const bool serves = tx.worker.server().is_serving();
  (void)co_await tx.exchange.respond_text(serves ? 200 : 503, "text/plain", serves ? "ok\n" : "not ready\n");
}

}  // namespace

bool is_trusted(const RunningConfig& config, const IpAddress& address) {
  return std::any_of(config.trusted_proxies.begin(), config.trusted_proxies.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

io::Task<void> check_access(Transaction& tx) {
  if (tx.request().path.starts_with("/.yz/")) {
    if (tx.request().path == "/.yz/healthz") return answer_health(tx);
    if (!tx.request().path.starts_with("/.yz/302/") || !unmark(tx)) {
      return refuse(tx, 404, "nothing is served under this path");
    }
  }
  if (const model::Challenge* challenge = find_challenge(tx)) return answer_challenge(tx, *challenge);
  const http::RequestHead& request = tx.request();
  if (request.method == http::Method::kConnect || request.method == http::Method::kTrace) {
    return refuse(tx, 405, "this method is not offered");
  }
  recognise_peer(tx);
  if (!find_site(tx)) {
    if (!tx.running().snapshot) return refuse(tx, 503, "this node has no configuration yet");
    // A peer whose configuration is ahead of ours asks another (RFC 9110 §15.5.20).
    return refuse(tx, tx.peer ? 421 : 404, "this host is not served here");
  }
  if (const http::Field* field = request.fields.find(kPrefetchField)) {
    tx.is_prefetch = equal_in_constant_time(field->value, tx.worker.server().prefetch_secret());
  }
  if (tx.site->suspended_until && !tx.peer) [[unlikely]]
    return refuse_suspended(tx);
  const auto passes = http::count_in_loop(request.fields, tx.running().cdn_id);
  if (passes > (tx.peer ? kMostPassesOfPeers : 0)) {
    return refuse(tx, 508, "this request has passed here before (RFC 8586)");
  }
  tx.client = viewer_address(tx);
  tx.is_cacheable_path = is_unambiguous(request.path);
  return {};
}

}  // namespace yz::edge
