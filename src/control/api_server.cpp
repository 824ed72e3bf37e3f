#include "control/api_server.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/file_range.h"
#include "base/log.h"
#include "control/authentication.h"
#include "control/rate_limit.h"
#include "http/method.h"
#include "net/sse.h"

namespace yz::control {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

Call read_call(const net::Exchange& exchange, WallTime now, std::string request_id) {
  const http::RequestHead& head = exchange.request();
  Call call;
  call.method = head.method_text;
  call.path = head.path;
  call.query = net::parse_query(head.query);
  for (const http::Field& field : head.fields.all()) {
    call.headers.emplace_back(to_lower(field.name), std::string(field.value));
  }
  call.peer = to_string(exchange.peer().address);
  call.is_tls = exchange.is_tls() || call.header("x-forwarded-proto").value_or("") == "https";
  call.request_id = std::move(request_id);
  call.now = now;
  return call;
}

Problem method_not_allowed(const std::vector<http::Method>& allowed, std::string& allow) {
  for (const http::Method method : allowed) {
    allow.append(allow.empty() ? "" : ", ").append(http::to_string(method));
  }
  return problem(405, "method_not_allowed", "The method is not allowed here", "Allowed are: " + allow + ".");
}

/// What is read off the nodes' sessions.
bool is_of_leader(std::string_view pattern) {
  constexpr std::string_view kPatterns[] = {"/api/v1/node-states", "/api/v1/corrections", "/api/v1/config/rollout",
                                            "/api/v1/config/rollout/events", "/api/v1/explain"};
  return std::ranges::find(kPatterns, pattern) != std::end(kPatterns);
}

Problem ask_leader(const Leader& leader) {
  const std::string& address = leader.address_of_leader();
  return Problem(Error{
      Code::kUnavailable, Fault::kSelf, true,
      "The nodes are connected to another instance of control" + (address.empty() ? "." : ": ask " + address + ".")});
}

Problem too_large() {
  return problem(413, "too_large", "The body is too large",
                 "At most " + std::to_string(ApiServer::kMaxBody >> 20) + " MiB are taken.");
}

constexpr std::uint64_t kChunk = 256 << 10;  // of a file, read at once

}  // namespace

ApiServer::ApiServer(Routes routes, store::Database& database, store::SessionLimits sessions, io::BlockingPool& pool,
                     const Clock& clock, metrics::Registry& metrics)
    : routes_(std::make_shared<const Routes>(std::move(routes))),
      database_(database),
      sessions_(sessions),
      pool_(pool),
      clock_(clock),
      metrics_(metrics),
      random_(Random::from_entropy()) {
  for (std::size_t i = 0; i < routes_->size(); ++i) {
    const Route& route = (*routes_)[i];
    YZ_ASSERT(route.permission == kPublic || is_permission(route.permission));
    table_.add(http::parse_method(route.method), route.pattern, i);
  }
}

io::Task<void> ApiServer::handle(net::Exchange& exchange) {
  const MonoTime started = clock_.mono();
  std::array<std::uint64_t, 2> id{random_.next(), random_.next()};
  std::string request_id = to_hex(std::string_view(reinterpret_cast<const char*>(id.data()), sizeof id)).substr(0, 20);
  Call call = read_call(exchange, clock_.wall(), request_id);
  const std::string method = call.method;
  const std::string path = call.path;
  std::string pattern;
  Outcome outcome = co_await answer(exchange, std::move(call), pattern);
  const int status = outcome ? outcome->status : outcome.error().status;
  if (status >= 500) {
    log::error("{} {} failed ({}): {}", method, path, request_id, outcome ? "" : outcome.error().detail);
  } else {
    log::debug("{} {} {} ({})", method, path, status, request_id);
  }
  count(pattern, method, status, started);
  co_await respond(exchange, outcome, request_id);
}

/// Finds the route, reads the body, and has it done.
io::Task<Outcome> ApiServer::answer(net::Exchange& exchange, Call call, std::string& pattern) {
  net::RouteTable::Match match = table_.match(exchange.request().method, call.path);
  pattern = match.pattern;
  if (!match.route) {
    if (match.allowed.empty()) co_return refuse(not_found("resource " + call.path));
    std::string allow;
    Problem refused = method_not_allowed(match.allowed, allow);
    if (exchange.request().method != http::Method::kOptions) co_return refuse(std::move(refused));
    Reply options;
    options.status = 204;
    options.headers.emplace_back("Allow", std::move(allow));
    co_return options;
  }
  if (leader_ != nullptr && !leader_->leads() && is_of_leader(match.pattern)) co_return refuse(ask_leader(*leader_));
  for (const std::string_view name : {"id", "seq"}) {
    if (const std::string_view value = match.params.get(name); !value.empty()) call.params.emplace_back(name, value);
  }
  if (exchange.has_body()) {
    auto body = co_await exchange.read_body_all(kMaxBody);
    if (!body && body.error().code == Code::kLimit) co_return refuse(too_large());
    if (!body) co_return refuse(Problem(std::move(body).error()));
    call.body = *std::move(body);
  }
  co_return co_await run(*match.route, std::move(call));
}

/// Blocks.
tl::expected<void, Problem> ApiServer::admit_within_limit(Permission wanted, Call& call) {
  if (auto admitted = admit(database_, sessions_, wanted, call); !admitted) return admitted;
  if (wanted == kPublic || limit_ == nullptr) return {};
  const Principal& who = call.principal;
  const std::string subject =
      who.token_id != 0 ? fmt::format("token:{}", who.token_id) : fmt::format("user:{}", who.user_id);
  const std::chrono::seconds wait = limit_->take(subject, call.now);
  if (wait.count() == 0) return {};
  Problem refused = problem(429, "rate_limit", "Too many requests in this minute",
                            fmt::format("Try again in {} seconds.", wait.count()));
  refused.retry_after = wait;
  return refuse(std::move(refused));
}

/// Authenticates, checks the permission, runs the handler. A blocking handler does all of it in one visit to the pool.
io::Task<Outcome> ApiServer::run(std::size_t index, Call call) {
  const Route& route = (*routes_)[index];
  const MonoTime deadline = io::Reactor::current().in(kHandlerTime);
  if (std::holds_alternative<BlockingHandler>(route.handler)) {
    auto done = co_await pool_.run(
        [this, routes = routes_, index, asked = std::move(call)]() mutable {
          const Route& wanted = (*routes)[index];
          if (auto admitted = admit_within_limit(wanted.permission, asked); !admitted) {
            return Outcome(refuse(admitted.error()));
          }
          return std::get<BlockingHandler>(wanted.handler)(asked);
        },
        deadline);
    if (!done) co_return refuse(Problem(std::move(done).error()));
    co_return *std::move(done);
  }
  if (route.permission != kPublic) {
    using Admitted = tl::expected<Call, Problem>;
    auto admitted = co_await pool_.run(
        [this, routes = routes_, index, asked = std::move(call)]() mutable {
          if (auto ok = admit_within_limit((*routes)[index].permission, asked); !ok) {
            return Admitted(refuse(ok.error()));
          }
          return Admitted(std::move(asked));
        },
        deadline);
    if (!admitted) co_return refuse(Problem(std::move(admitted).error()));
    if (!*admitted) co_return refuse(std::move(*admitted).error());
    call = **std::move(admitted);
  }
  co_return co_await std::get<LoopHandler>(route.handler)(std::move(call));
}

io::Task<void> ApiServer::respond(net::Exchange& exchange, const Outcome& outcome, const std::string& request_id) {
  http::HeaderMap headers;
  headers.add("X-Request-Id", request_id);
  if (!outcome) {
    const Problem& wrong = outcome.error();
    headers.add("Content-Type", kProblemType);
    headers.add("Cache-Control", "no-store");
    if (wrong.status == 401) headers.add("WWW-Authenticate", "Bearer");
    if (wrong.status == 503 || wrong.status == 429) {
      headers.add("Retry-After", std::to_string(wrong.retry_after.count()));
    }
    if (wrong.status == 405) headers.add("Allow", wrong.detail.substr(13, wrong.detail.size() - 14));
    std::string body = wrong.to_json(exchange.request().path, request_id);
    (void)co_await exchange.respond(wrong.status, std::move(headers), std::move(body));
    co_return;
  }
  if (outcome->events) {
    co_await stream(exchange, *outcome->events);
    co_return;
  }
  for (const auto& [name, value] : outcome->headers) headers.add(name, value);
  if (outcome->status != 204 && outcome->status != 304) headers.add("Content-Type", outcome->content_type);
  if (!headers.value("Cache-Control")) headers.add("Cache-Control", "no-cache");
  if (!outcome->parts.empty()) {
    co_await send_parts(exchange, std::move(headers), *outcome);
    co_return;
  }
  (void)co_await exchange.respond(outcome->status, std::move(headers), outcome->body);
}

/// A part that cannot be read cuts the connection: the length was announced.
io::Task<void> ApiServer::send_parts(net::Exchange& exchange, http::HeaderMap headers, const Reply& reply) {
  std::uint64_t length = reply.body.size();
  for (const FilePart& part : reply.parts) length += part.size;
  exchange.begin(reply.status, headers, net::BodyLength{length});
  if (auto sent = co_await exchange.send(reply.body); !sent) co_return;
  for (const FilePart& part : reply.parts) {
    for (std::uint64_t at = 0; at < part.size;) {
      const std::uint64_t size = std::min<std::uint64_t>(part.size - at, kChunk);
      auto read = [file = part.file, offset = part.offset + at, size] { return read_range(file, offset, size); };
      const MonoTime deadline = exchange.reactor().in(kHandlerTime);
      auto bytes = co_await pool_.run(std::move(read), deadline);
      if (!bytes || bytes->size() < size) {
        log::error("a download breaks off: {}", bytes ? "the file is cut short" : bytes.error().message);
        co_return;
      }
      if (auto sent = co_await exchange.send(*bytes); !sent) co_return;
      at += size;
    }
  }
  (void)co_await exchange.finish();
}

io::Task<void> ApiServer::stream(net::Exchange& exchange, EventSource& events) {
  net::SseStream out(exchange);
  if (auto opened = co_await out.open(); !opened) co_return;
  for (;;) {
    const auto event = co_await events.next(exchange.reactor().in(kEventPing));
    if (!event) break;
    auto sent = event->name.empty() ? co_await out.ping() : co_await out.send(event->name, event->data);
    if (!sent) co_return;
  }
  (void)co_await out.close();
}

void ApiServer::count(const std::string& pattern, const std::string& method, int status, MonoTime started) {
  if (pattern.empty()) return;
  const std::string family = std::to_string(status / 100) + "xx";
  metrics_
      .counter("yz_control_api_requests_total", "API requests by route.",
               {{"route", pattern}, {"method", method}, {"status", family}})
      .add();
  metrics_
      .histogram("yz_control_api_seconds", "Time to answer an API request.", metrics::Histogram::kMicroseconds,
                 {{"route", pattern}})
      .record(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(clock_.mono() - started).count()));
}

}  // namespace yz::control
