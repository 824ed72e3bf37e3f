#include "net/router.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/json_text.h"
#include "base/text.h"
#include "http/status.h"

namespace yz::net {

namespace {

constexpr std::string_view kProblemType = "application/problem+json";

/// The next segment of `path` (which starts with '/'), and the rest.
std::pair<std::string_view, std::string_view> first_segment(std::string_view path) {
  const std::size_t end = std::min(path.find('/', 1), path.size());
  return {path.substr(1, end - 1), path.substr(end)};
}

std::string decoded(std::string_view text) { return percent_decode(text).value_or(std::string(text)); }

}  // namespace

std::string_view RouteParams::get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

struct RouteTable::Node {
  struct Route {
    http::Method method;
    std::size_t number;
    std::string pattern;
    std::vector<std::string> names;
  };
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> any;  // {name}
  std::vector<Route> rest;    // {name*}
  std::vector<Route> here;

  [[nodiscard]] static const Route* find(const std::vector<Route>& routes, http::Method method) {
    const auto is_of = [&](http::Method m) {
      const auto at = std::find_if(routes.begin(), routes.end(), [m](const Route& r) { return r.method == m; });
      return at == routes.end() ? nullptr : &*at;
    };
    const Route* route = is_of(method);
    return route == nullptr && method == http::Method::kHead ? is_of(http::Method::kGet) : route;
  }

  /// The routes of the best pattern for `path`, and what its names stand for.
  [[nodiscard]] const std::vector<Route>* search(std::string_view path, std::vector<std::string_view>& values) const {
    if (path.empty()) return here.empty() ? nullptr : &here;
    const auto [segment, tail] = first_segment(path);
    if (const auto literal = literals.find(segment); literal != literals.end()) {
      if (const auto* found = literal->second->search(tail, values)) return found;
    }
    if (any && !segment.empty()) {
      values.push_back(segment);
      if (const auto* found = any->search(tail, values)) return found;
      values.pop_back();
    }
    if (rest.empty()) return nullptr;
    values.push_back(path.substr(1));
    return &rest;
  }
};

RouteTable::RouteTable() : root_(std::make_unique<Node>()) {}
RouteTable::~RouteTable() = default;
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;

void RouteTable::add(http::Method method, std::string_view pattern, std::size_t route) {
  YZ_ASSERT(!pattern.empty() && pattern.front() == '/');
  Node* node = root_.get();
  std::vector<std::string> names;
  std::vector<Node::Route>* routes = nullptr;
  for (std::string_view left = pattern; !left.empty();) {
    const auto [segment, tail] = first_segment(left);
    left = tail;
    const bool is_name = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    if (!is_name) {
      YZ_ASSERT(segment.find_first_of("{}*") == std::string_view::npos);
      auto& child = node->literals[std::string(segment)];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
      continue;
    }
    std::string_view name = segment.substr(1, segment.size() - 2);
    if (name.back() == '*') {
      YZ_ASSERT(tail.empty());
      names.emplace_back(name.substr(0, name.size() - 1));
      routes = &node->rest;
      break;
    }
    names.emplace_back(name);
    if (!node->any) node->any = std::make_unique<Node>();
    node = node->any.get();
  }
  if (routes == nullptr) routes = &node->here;
  for (const auto& other : *routes) YZ_ASSERT(other.method != method);
  routes->push_back({method, route, std::string(pattern), std::move(names)});
}

RouteTable::Match RouteTable::match(http::Method method, std::string_view path) const {
  Match match;
  if (path.empty() || path.front() != '/') return match;
  std::vector<std::string_view> values;
  const auto* routes = root_->search(path, values);
  if (routes == nullptr) return match;
  for (const auto& route : *routes) match.allowed.push_back(route.method);
  const auto* route = Node::find(*routes, method);
  if (route == nullptr) return match;
  match.route = route->number;
  match.pattern = route->pattern;
  for (std::size_t i = 0; i < values.size(); ++i) {
    match.params.values_.emplace_back(route->names[i], decoded(values[i]));
  }
  return match;
}

void Router::add(http::Method method, std::string_view pattern, Handle handle) {
  table_.add(method, pattern, handles_.size());
  handles_.push_back(std::move(handle));
}

io::Task<void> Router::handle(Exchange& exchange) {
  const auto& request = exchange.request();
  const RouteTable::Match match = table_.match(request.method, request.path);
  if (match.route) {
    co_await handles_[*match.route](exchange, match.params);
    co_return;
  }
  if (match.allowed.empty()) {
    if (fallback_) {
      co_await fallback_(exchange, match.params);
    } else {
      (void)co_await respond_problem(exchange, 404, "nothing is served at " + std::string(request.path));
    }
    co_return;
  }
  std::string allow = "OPTIONS";
  for (const http::Method method : match.allowed) {
    allow.append(", ").append(http::to_string(method));
    if (method == http::Method::kGet) allow += ", HEAD";
  }
  if (request.method == http::Method::kOptions) {
    http::HeaderMap headers;
    headers.add("Allow", allow);
    (void)co_await exchange.respond(204, std::move(headers), {});
    co_return;
  }
  const std::string detail = std::string(request.method_text) + " is not served here";
  http::HeaderMap headers;
  headers.add("Content-Type", kProblemType);
  headers.add("Allow", allow);
  (void)co_await exchange.respond(405, std::move(headers), problem_body(405, detail));
}

std::string problem_body(http::StatusCode status, std::string_view detail) {
  return fmt::format(R"({{"type":"about:blank","title":{},"status":{},"detail":{}}})",
                     json_quoted(http::reason_phrase(status)), status, json_quoted(detail));
}

io::Task<Status> respond_problem(Exchange& exchange, http::StatusCode status, std::string detail) {
  return exchange.respond_text(status, kProblemType, problem_body(status, detail));
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  if (query.empty()) return out;
  const auto plain = [](std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return decoded(spaced);
  };
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const bool has_value = equals != std::string_view::npos;
    out.emplace_back(plain(part.substr(0, equals)), has_value ? plain(part.substr(equals + 1)) : "");
  }
  return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  for (auto& [key, value] : parse_query(query)) {
    if (key == name) return std::move(value);
  }
  return std::nullopt;
}

}  // namespace yz::net
