#include "edge/upstream/forward.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "edge/edge_server.h"
#include "edge/upstream/ask.h"
#include "edge/upstream/choice.h"
#include "edge/upstream/failure.h"
#include "http/cdn_loop.h"
#include "http/hop_by_hop.h"
#include "http/method.h"

namespace yz::edge {
namespace {

/// Origins asked for one request.
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

/// A peer that sees a loop, or does not know the host yet, leaves the request to others.
bool is_not_served(http::StatusCode status) { return status == 508 || status == 421; }

/// An origin that says so itself cannot answer now; another may.
bool asks_for_another(http::StatusCode status) { return status == 502 || status == 503 || status == 504; }

/// One request's way through the servers that may answer it.
class Journey {
 public:
  Journey(Worker& worker, const RunningConfig& config, const Site& site, const Forwarded& forwarded)
      : worker_(worker),
        config_(config),
        site_(site),
        forwarded_(forwarded),
        may_repeat_(forwarded_.may_retry && http::is_idempotent(http::parse_method(forwarded_.request.method))) {}

  [[nodiscard]] bool has_peers() const { return forwarded_.may_ask_peer && !config_.peers.empty(); }
  io::Task<std::optional<Result<Answer>>> ask_peers();
  io::Task<Result<Answer>> ask_origins();

 private:
  [[nodiscard]] bool may_go_on(const Error& error);
  [[nodiscard]] MonoTime now() const { return worker_.reactor().now(); }

  Worker& worker_;
  const RunningConfig& config_;
  const Site& site_;
  const Forwarded& forwarded_;
  const bool may_repeat_;
  std::uint64_t requests_ = 0;
};

/// Whether another server may be asked after this failure: nothing can have been done twice, and not more is repeated
/// than the budget allows.
bool Journey::may_go_on(const Error& error) {
  if (error.fault != Fault::kOrigin || error.code == Code::kCancelled) return false;
  return is_unsent(error) || (may_repeat_ && site_.servers->retries->take(now()));
}

/// The answer of a peer, a failure after which nobody else may be asked, or none: on to the origins.
io::Task<std::optional<Result<Answer>>> Journey::ask_peers() {
  for (const Peer* peer : choose_peers(config_.peers, forwarded_.base, now())) {
    ++requests_;
    auto response = co_await ask_peer(worker_, config_, *peer, forwarded_, site_.origins.first_byte_timeout);
    if (response && !is_not_served(response->status())) {
      Answer answer{std::move(*response), to_string(peer->endpoint), std::nullopt, requests_};
      const auto born = answer.response.head().fields.value(http::FieldId::kYzBornSeq);
      if (born) answer.born = cache::Seq{parse_u64(*born).value_or(0)};
      co_return Result<Answer>(std::move(answer));
    }
    if (!response && !was_asked(response.error())) --requests_;
    if (!response && !may_go_on(response.error())) co_return Result<Answer>(fail(std::move(response).error()));
  }
  co_return std::nullopt;
}

io::Task<Result<Answer>> Journey::ask_origins() {
  const auto candidates = choose_origins(site_.origins, *site_.servers, worker_.random().next(), may_repeat_, now());
  if (candidates.empty()) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(next_return(*site_.servers) - now());
    Error out{
        Code::kUnavailable, Fault::kOrigin, true,
        fmt::format("all origins have failed; the next is tried in {} s", std::max<std::int64_t>(wait.count(), 0))};
    co_return fail(with_reason(std::move(out), "out"));
  }
  Error last;
  std::optional<Answer> poor;  // what to give when nobody has better
  const std::size_t most = std::min(candidates.size(), kMostOrigins);
  for (std::size_t i = 0; i < most; ++i) {
    const Candidate& candidate = candidates[i];
    ++requests_;
    auto response = co_await ask_origin(worker_, site_, candidate, forwarded_.request);
    if (!response) {
      last = std::move(response).error();
      if (!was_asked(last)) --requests_;
      if (poor || i + 1 == most || !may_go_on(last)) break;
      continue;
    }
    Answer answer{std::move(*response), candidate.state->name, std::nullopt, requests_};
    const bool has_another = i + 1 < most && may_repeat_ && !poor;
    if (!has_another || !asks_for_another(answer.response.status()) || !site_.servers->retries->take(now())) {
      co_return answer;
    }
    poor = std::move(answer);
  }
  if (poor) {
    poor->requests = requests_;
    co_return *std::move(poor);
  }
  co_return fail(std::move(last));
}

}  // namespace

http::HeaderMap forwarded_fields(const http::RequestHead& request, const RunningConfig& config, const IpAddress& viewer,
                                 bool is_peer, bool is_tls) {
  const http::Fields fields = request.fields;
  const http::HopByHop hop_by_hop(fields);
  http::HeaderMap out;
  for (const http::Field& field : fields) {
    const bool drop =
        is_for_next_hop(field) || hop_by_hop.has(field) || http::is_internal(field) || http::is_unkeyed_override(field);
    if (!drop) out.add(field);
  }
  http::add_loop_and_via(out, config.cdn_id, request.version, config.node_name);
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
                                       const Forwarded& forwarded) {
  Journey journey(worker, **held, site, forwarded);
  site.servers->retries->earn(site.origins.retry_percent, worker.reactor().now());
  std::optional<Result<Answer>> answered;
  if (journey.has_peers()) answered = co_await journey.ask_peers();
  if (!answered) answered = co_await journey.ask_origins();
  Result<Answer>& answer = *answered;
  if (answer) {
    worker.server().counters().origin_requests.add(answer->requests);
  } else {
    worker.server().counters().note_failure(reason_of(answer.error()));
    if (answer.error().fault == Fault::kSelf) co_return fail(std::move(answer).error().blamed_on(Fault::kOrigin));
  }
  co_return std::move(answer);
}

}  // namespace yz::edge
