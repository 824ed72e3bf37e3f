#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/method.h"
#include "net/exchange.h"

namespace yz::net {

/// What a pattern's {names} stood for: percent-decoded.
class RouteParams {
 public:
  /// The value of {name}; empty when the pattern has none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  friend class RouteTable;
  std::vector<std::pair<std::string, std::string>> values_;
};

/// Maps (method, path) to a route number. A pattern is literal segments and {name} segments
/// ("/api/v1/tasks/{id}/events"); a last segment {name*} takes the rest of the path, slashes included. Literal segments
/// win over {name}, and {name} over {name*}. Pure; immutable once built, then any thread may match.
class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  /// Asserts that the pattern is well formed and that (method, pattern) is new.
  void add(http::Method method, std::string_view pattern, std::size_t route);

  struct Match {
    std::optional<std::size_t> route;  ///< none: nothing serves this method there
    RouteParams params;
    std::string pattern;                ///< as given to add(): a label for logs and metrics
    std::vector<http::Method> allowed;  ///< what the path serves; empty when it is not known at all (404)
  };
  /// HEAD is served by GET's route when it has none of its own.
  [[nodiscard]] Match match(http::Method method, std::string_view path) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

/// An HttpHandler that dispatches by RouteTable. Answers 404 and 405 (with Allow) as RFC 9457 problems, unless told
/// otherwise, and OPTIONS with Allow. Build it before serving.
class Router final : public HttpHandler {
 public:
  using Handle = std::function<io::Task<void>(Exchange&, const RouteParams&)>;

  void add(http::Method method, std::string_view pattern, Handle handle);
  void get(std::string_view pattern, Handle handle) { add(http::Method::kGet, pattern, std::move(handle)); }
  void post(std::string_view pattern, Handle handle) { add(http::Method::kPost, pattern, std::move(handle)); }
  void put(std::string_view pattern, Handle handle) { add(http::Method::kPut, pattern, std::move(handle)); }
  void del(std::string_view pattern, Handle handle) { add(http::Method::kDelete, pattern, std::move(handle)); }
  /// Serves every path that no pattern knows, instead of 404.
  void set_fallback(Handle handle) { fallback_ = std::move(handle); }

  [[nodiscard]] io::Task<void> handle(Exchange& exchange) override;

 private:
  RouteTable table_;
  std::vector<Handle> handles_;
  Handle fallback_;
};

/// The parameters of a query string or form body, percent-decoded, '+' as space. In order; a broken escape is kept as
/// it is.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
/// The first value of a name in a query string.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// An RFC 9457 problem: {"type":"about:blank","title":…,"status":…,"detail":…}.
[[nodiscard]] std::string problem_body(http::StatusCode status, std::string_view detail);
/// Answers with it.
[[nodiscard]] io::Task<Status> respond_problem(Exchange& exchange, http::StatusCode status, std::string detail);

}  // namespace yz::net
