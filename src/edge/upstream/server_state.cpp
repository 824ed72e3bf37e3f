#include "edge/upstream/server_state.h"

#include <fmt/format.h>

#include "net/http_client.h"
#include "net/tls_client.h"

namespace yz::edge {
namespace {

std::shared_ptr<const net::Upstream> fixed_upstream(const model::Origin& origin) {
  const auto address = IpAddress::parse(origin.host);
  if (origin.tls || !address) return nullptr;
  net::Upstream out;
  out.endpoint = {*address, origin.port};
  return std::make_shared<const net::Upstream>(std::move(out));
}

}  // namespace

BreakerRules breaker_rules(const model::OriginGroup& group) {
  return {.fall = group.fall, .rise = group.rise, .open_time = group.open_time};
}

BreakerRules peer_breaker_rules() { return {.fall = 2, .rise = 1}; }

std::shared_ptr<ServerState> ServerBook::peer(model::NodeId node, std::string name) {
  const std::lock_guard lock(mutex_);
  auto& state = servers_[fmt::format("peer {} {}", node.value, name)];
  if (!state) {
    state = std::make_shared<ServerState>(std::move(name));
    expose(state, "peers");
  }
  return state;
}

std::shared_ptr<const OriginGroupState> ServerBook::group(const model::OriginGroup& group) {
  const std::lock_guard lock(mutex_);
  auto out = std::make_shared<OriginGroupState>();
  bool has_tls = false;
  for (const model::Origin& origin : group.origins) {
    has_tls = has_tls || origin.tls;
    std::string name = fmt::format("{}:{}", origin.host, origin.port);
    auto& state = servers_[fmt::format("{} {} {}", group.id.value, name, origin.tls)];
    if (!state) {
      state = std::make_shared<ServerState>(std::move(name));
      expose(state, std::to_string(group.id.value));
    }
    out->servers.push_back(state);
    out->fixed.push_back(fixed_upstream(origin));
  }
  auto& retries = retries_[group.id];
  if (!retries) retries = std::make_shared<RetryBudget>();
  out->retries = retries;
  if (has_tls) find_trust(group, *out);
  return out;
}

/// Reading the system's authorities takes tens of milliseconds, so it is done here, once, and not on a request's way.
void ServerBook::find_trust(const model::OriginGroup& group, OriginGroupState& out) {
  auto& context = tls_[fmt::format("{} {}", static_cast<int>(group.min_tls), group.ca_pem)];
  if (!context) {
    net::TlsClientContext::Options options;
    options.ca_pem = group.ca_pem;
    options.trusts_system = group.ca_pem.empty();
    options.requires_tls13 = group.min_tls == model::TlsVersion::kTls13;
    auto made = net::TlsClientContext::make(options);
    if (made) {
      context = *std::move(made);
    } else {
      out.tls_problem = std::move(made).error().message;
    }
  }
  out.tls = context;
}

void ServerBook::drop_unused() {
  const std::lock_guard lock(mutex_);
  std::erase_if(servers_, [](const auto& entry) { return entry.second.use_count() == 1; });
  std::erase_if(retries_, [](const auto& entry) { return entry.second.use_count() == 1; });
  std::erase_if(tls_, [](const auto& entry) { return !entry.second || entry.second.use_count() == 1; });
}

void ServerBook::expose(const std::shared_ptr<ServerState>& state, std::string_view group) {
  const bool is_labelled = labelled_ < kMostLabelled;
  const metrics::Labels labels = {{"group", is_labelled ? std::string(group) : "other"},
                                  {"server", is_labelled ? state->name : "other"}};
  const auto counter = [&](const char* outcome) {
    metrics::Labels all = labels;
    all.push_back({"outcome", outcome});
    return registry_.counter("yz_edge_upstream_outcomes_total", "Requests to each peer and origin, by what came back",
                             all);
  };
  state->answers = counter("answer");
  state->server_errors = counter("server_error");
  state->failures = counter("failure");
  if (!is_labelled) return;
  ++labelled_;
  const auto gauge = [&](const char* name, const char* help, double (*read)(const ServerState&)) {
    registry_.gauge_from(name, help, labels, [held = std::weak_ptr<ServerState>(state), read] {
      const auto server = held.lock();
      return server ? read(*server) : 0.0;
    });
  };
  gauge("yz_edge_upstream_state", "0: healthy, 1: out, 2: being tried again",
        [](const ServerState& s) { return static_cast<double>(s.breaker.state()); });
  gauge("yz_edge_upstream_requests", "Requests at this peer or origin now",
        [](const ServerState& s) { return static_cast<double>(s.gate->inside()); });
  gauge("yz_edge_upstream_queued", "Requests that wait for a connection to it",
        [](const ServerState& s) { return static_cast<double>(s.gate->waiting()); });
}

Permit::~Permit() {
  if (!is_told_) state_->breaker.gave_up(is_probe_);
  state_->gate->leave();
}

void Permit::answered(http::StatusCode status, MonoTime now, bool counts_errors) {
  is_told_ = true;
  (status >= 500 ? state_->server_errors : state_->answers).add();
  const bool is_error = status >= 500 && status != 501 && counts_errors;
  if (is_error && is_probe_) return state_->breaker.failed(rules_, now, true);
  state_->breaker.succeeded(rules_, now, is_probe_);
  if (counts_errors) state_->breaker.note_answer(rules_, now, is_error);
}

void Permit::failed(MonoTime now) {
  is_told_ = true;
  state_->failures.add();
  state_->breaker.failed(rules_, now, is_probe_);
}

}  // namespace yz::edge
