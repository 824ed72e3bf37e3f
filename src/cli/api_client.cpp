#include "cli/api_client.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/text.h"
#include "io/blocking_pool.h"
#include "io/resolver.h"
#include "net/fetch.h"
#include "net/http_client.h"

namespace yz::cli {

using nlohmann::json;

struct ApiClient::Connections {
  explicit Connections(io::Reactor& reactor) : pool({1, 64}), resolver(pool), http(reactor) {}
  io::BlockingPool pool;
  io::Resolver resolver;
  net::HttpClient http;
};

namespace {

Code code_of(int status) {
  switch (status) {
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermission;
    case 404:
      return Code::kNotFound;
    case 409:
    case 412:
      return Code::kConflict;
    case 429:
      return Code::kLimit;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kInvalid;
  }
}

/// An RFC 9457 problem as one error: its detail, then each pointer with what was expected there.
tl::unexpected<Error> problem(int status, const std::string& body) {
  const json document = json::parse(body, nullptr, false);
  std::string message;
  if (document.is_object()) {
    message = document.value("detail", document.value("title", ""));
    for (const json& one : document.value("errors", json::array())) {
      const std::string detail = one.value("detail", "");
      if (message.find(detail) != std::string::npos) continue;  // said already
      message += fmt::format("\n  {}: {}", one.value("pointer", ""), detail);
    }
  }
  if (message.empty()) message = fmt::format("control answered {}", status);
  return fail(code_of(status), std::move(message), status < 500 ? Fault::kClient : Fault::kSelf);
}

}  // namespace

ApiClient::ApiClient(io::Reactor& reactor, ApiTarget target)
    : reactor_(reactor), target_(std::move(target)), connections_(std::make_unique<Connections>(reactor)) {}
ApiClient::~ApiClient() = default;

io::Task<Result<json>> ApiClient::call(std::string method, std::string path, std::string body) {
  net::FetchRequest request;
  request.url = target_.url + path;
  request.method = method;
  if (!target_.token.empty()) request.headers.add("Authorization", "Bearer " + target_.token);
  if (!body.empty()) request.headers.add("Content-Type", "application/json");
  if (method == "POST") request.headers.add("Idempotency-Key", to_hex(secret_bytes(16)));
  if (method == "PATCH" || method == "DELETE") request.headers.add("If-Match", "*");
  request.body = std::move(body);
  auto response = co_await net::fetch(connections_->http, connections_->resolver, std::move(request));
  if (!response) {
    co_return fail(Code::kUnavailable,
                   fmt::format("control at {} does not answer: {}", target_.url, response.error().message));
  }
  if (response->status >= 400) co_return problem(response->status, response->body);
  if (response->body.empty()) co_return json(nullptr);
  json document = json::parse(response->body, nullptr, false);
  if (document.is_discarded()) co_return fail(Code::kCorrupt, "control answered something that is not JSON");
  co_return document;
}

io::Task<Result<json>> ApiClient::get(std::string path) { return call("GET", std::move(path), {}); }
io::Task<Result<json>> ApiClient::post(std::string path, json body) {
  return call("POST", std::move(path), body.dump());
}
io::Task<Result<json>> ApiClient::patch(std::string path, json body) {
  return call("PATCH", std::move(path), body.dump());
}
io::Task<Result<json>> ApiClient::remove(std::string path) { return call("DELETE", std::move(path), {}); }

io::Task<Result<json>> ApiClient::list(std::string path) {
  json items = json::array();
  std::string cursor;
  do {
    std::string page = path;
    if (!cursor.empty())
      page += fmt::format("{}cursor={}", path.find('?') == std::string::npos ? '?' : '&', percent_encode(cursor));
    YZ_CO_TRY(json answer, co_await get(std::move(page)));
    for (json& item : answer["items"]) items.push_back(std::move(item));
    cursor = answer.value("next_cursor", "");
  } while (!cursor.empty());
  co_return items;
}

io::Task<Result<json>> ApiClient::find(std::string path, std::string name_or_id) {
  YZ_CO_TRY(const json items, co_await list(fmt::format("{}?name={}", path, percent_encode(name_or_id))));
  for (const json& item : items) {
    if (item.value("name", "") == name_or_id) co_return item;
  }
  if (const auto id = parse_u64(name_or_id)) {
    auto item = co_await get(fmt::format("{}/{}", path, *id));
    if (item || item.error().code != Code::kNotFound) co_return item;
  }
  co_return fail(Code::kNotFound, fmt::format("there is nothing named '{}' in {}", name_or_id, path), Fault::kClient);
}

io::Task<Result<json>> ApiClient::wait_for_task(std::uint64_t id, std::chrono::milliseconds every,
                                                std::chrono::milliseconds timeout) {
  const MonoTime deadline = reactor_.in(timeout);
  while (true) {
    YZ_CO_TRY(json task, co_await get(fmt::format("/api/v1/tasks/{}", id)));
    const std::string state = task.value("state", "");
    if (state != "pending" && state != "running") co_return task;
    if (reactor_.now() >= deadline) co_return fail(Code::kTimeout, fmt::format("task {} is still {}", id, state));
    co_await io::sleep_for(every);
  }
}

io::Task<Result<std::string>> ApiClient::download(std::string path) {
  net::FetchRequest request;
  request.url = target_.url + path;
  request.max_body = std::size_t{2} << 30;
  auto response = co_await net::fetch(connections_->http, connections_->resolver, std::move(request));
  if (!response) {
    co_return fail(Code::kUnavailable, fmt::format("the download broke off: {}", response.error().message));
  }
  if (response->status != 200) co_return problem(response->status, response->body);
  co_return std::move(response->body);
}

}  // namespace yz::cli
