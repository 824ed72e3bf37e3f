#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "control/permission.h"
#include "control/problem.h"
#include "io/task.h"
#include "store/stored.h"

namespace yz::control {

/// Name and value of a header, a query parameter or a path parameter.
using Field = std::pair<std::string, std::string>;

/// One API request, read whole and authenticated: all a handler gets. Independent of how it came in.
struct Call {
  std::string method;
  std::string path;
  std::vector<Field> params;   ///< of the route's pattern: {"id", "12"}
  std::vector<Field> query;    ///< decoded, in order
  std::vector<Field> headers;  ///< names in lower case
  std::string body;
  std::string peer;     ///< the client's address
  bool is_tls = false;  ///< the client speaks TLS, to us or to a proxy that says so: only makes cookies stricter
  std::string request_id;
  Principal principal;
  WallTime now;

  /// The first header of that (lower case) name, or none.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// The first query parameter of that name, or none.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  /// The `id` of the path as a number of at least 1; 0 when it is none, which no row has.
  [[nodiscard]] std::uint64_t id(std::string_view name = "id") const;
  /// For the audit; `tenant` is whose data is touched.
  [[nodiscard]] store::Author author(model::TenantId tenant = {}) const;
};

/// Server-sent events of one client (WHATWG HTML §9.2). Lives on the reactor's thread.
class EventSource {
 public:
  struct Event {
    std::string name;
    std::string data;  ///< one line
  };
  virtual ~EventSource() = default;
  /// The next event, or none when the stream has ended. Waits until there is one or `deadline` has passed; then an
  /// event without a name, so that the caller can show that it is alive.
  virtual io::Task<std::optional<Event>> next(MonoTime deadline) = 0;
};

/// Bytes of a file.
struct FilePart {
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// An answer. `events`, when set, follow the head in place of a body; `parts` follow the body, read as they are sent.
struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Field> headers;
  std::string body;
  std::vector<FilePart> parts;
  std::shared_ptr<EventSource> events;  ///< shared: a std::function must be able to carry the reply
};

/// What a handler returns. YZ_TRY works inside, for a Problem is made from an Error.
using Outcome = tl::expected<Reply, Problem>;

[[nodiscard]] inline tl::unexpected<Problem> refuse(Problem problem) {
  return tl::unexpected<Problem>(std::move(problem));
}

/// 200 (or another status) with a JSON body.
[[nodiscard]] Reply json_reply(const nlohmann::json& body, int status = 200);

/// The body as JSON: 415 unless its type is JSON (or JSON merge patch), 400 with line and column when it is not JSON,
/// 422 unless it is an object.
[[nodiscard]] tl::expected<nlohmann::json, Problem> read_body(const Call& call);

/// `limit` (1 to 500, by default 100) and `cursor` of a list.
[[nodiscard]] tl::expected<store::Page, Problem> read_page(const Call& call);
/// {"items": …, "next_cursor": …}; the cursor is left out on the last page.
[[nodiscard]] Reply page_reply(nlohmann::json items, std::uint64_t next);

/// The ETag of a row's version: "\"7\"".
[[nodiscard]] std::string etag_of(std::uint64_t version);
/// 428 without If-Match, 412 when none of its tags is `etag_of(version)`; "*" matches always (RFC 9110 §13.1.1).
[[nodiscard]] tl::expected<void, Problem> check_if_match(const Call& call, std::uint64_t version);
/// True when If-None-Match names the version: answer 304 (RFC 9110 §13.1.2).
[[nodiscard]] bool is_not_modified(const Call& call, std::uint64_t version);

/// Does its work on a thread of the blocking pool: may use the database.
using BlockingHandler = std::function<Outcome(const Call&)>;
/// Runs on the reactor's thread, where the live state is; must not block.
using LoopHandler = std::function<io::Task<Outcome>(Call)>;

/// One operation of api/openapi.yaml.
struct Route {
  std::string method;
  std::string pattern;  ///< "/api/v1/domains/{id}"
  Permission permission;
  std::variant<BlockingHandler, LoopHandler> handler;
};
using Routes = std::vector<Route>;

}  // namespace yz::control
