#include "agent/edge_driver.h"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/json.h"

namespace yz::agent {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::string_view kBinary = "application/octet-stream";
constexpr std::string_view kJson = "application/json";
constexpr std::size_t kMaxAnswer = 16 << 20;
constexpr auto kQuick = 2s;      // for what the edge answers from memory
constexpr auto kThorough = 30s;  // for what it has to work for
constexpr auto kPrefetch = 1h;   // as long as an origin may take for a large file

Error to_error(http::StatusCode status, const std::string& body) {
  const json problem = json::parse(body, nullptr, false);
  Error error;
  error.message = "the edge answered " + std::to_string(status);
  if (problem.is_object() && problem.contains("detail") && problem["detail"].is_string()) {
    error.message = problem["detail"].get<std::string>();
  }
  switch (status) {
    case 400:
    case 422:
      error.code = Code::kInvalid;
      break;
    case 404:
      error.code = Code::kNotFound;
      break;
    case 409:
      error.code = Code::kConflict;
      break;
    case 413:
      error.code = Code::kLimit;
      break;
    case 503:
      error.code = Code::kUnavailable;
      break;
    default:
      error.code = Code::kInternal;
  }
  error.retryable = error.code == Code::kUnavailable;
  return error;
}

tl::unexpected<Error> not_understood(std::string_view what) {
  return fail(Code::kInternal, "the edge's answer to " + std::string(what) + " is not understood");
}

std::uint64_t number(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

bool flag(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

std::string text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Result<CacheStatus> read_status(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || number(answer, "epoch") == 0) return not_understood("/status");
  CacheStatus status;
  status.epoch = number(answer, "epoch");
  status.pid = static_cast<std::int64_t>(number(answer, "pid"));
  status.config = model::ConfigSeq{number(answer, "config_seq")};
  status.config_hash = from_hex(text(answer, "config_hash")).value_or("");
  status.purge = model::PurgeSeq{number(answer, "purge_seq")};
  status.ready = flag(answer, "ready");
  status.draining = flag(answer, "draining");
  if (answer.contains("load")) {
    auto load = model::from_json<model::Load>(answer["load"]);
    if (!load) return not_understood("/status (load)");
    status.load = *load;
  }
  return status;
}

Result<model::PurgeSeq> read_purge_seq(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("applied")) return not_understood("a purge");
  return model::PurgeSeq{number(answer, "applied")};
}

Result<Prefetched> read_prefetched(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("results") || !answer["results"].is_array() ||
      answer["results"].size() != 1 || !answer["results"][0].is_object()) {
    return not_understood("a prefetch");
  }
  const json& item = answer["results"][0];
  Prefetched out;
  out.result = {text(item, "url"), flag(item, "ok"), static_cast<std::uint32_t>(number(item, "status")),
                number(item, "bytes"), text(item, "reason")};
  const auto links = item.find("links");
  if (links == item.end()) return out;
  if (!links->is_array()) return not_understood("a prefetch (links)");
  for (const json& link : *links) {
    if (link.is_string()) out.links.push_back(link.get<std::string>());
  }
  return out;
}

Result<std::vector<rpc::Correction>> read_corrections(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("corrections") || !answer["corrections"].is_array()) {
    return not_understood("/corrections/take");
  }
  std::vector<rpc::Correction> corrections;
  for (const json& item : answer["corrections"]) {
    if (!item.is_object()) return not_understood("/corrections/take");
    rpc::Correction correction;
    correction.domain = model::DomainId{number(item, "domain")};
    correction.client_class = text(item, "client_class");
    correction.to = model::NodeId{number(item, "to")};
    correction.count = number(item, "count");
    corrections.push_back(std::move(correction));
  }
  return corrections;
}

}  // namespace

EdgeDriver::EdgeDriver(io::Reactor& reactor, const std::filesystem::path& socket) : client_(reactor) {
  edge_.unix_path = socket.string();
}

io::Task<Result<std::string>> EdgeDriver::ask(Call call, std::string body) {
  net::ClientRequest request;
  request.method = std::move(call.method);
  request.target = std::move(call.target);
  request.host = "edge";
  if (!call.content_type.empty()) request.headers.add("Content-Type", call.content_type);
  request.body = std::move(body);
  net::ClientTimeouts timeouts;
  timeouts.connect = 1s;
  timeouts.first_byte = call.timeout;
  YZ_CO_TRY(auto response, co_await client_.send(edge_, std::move(request), timeouts));
  const http::StatusCode status = response.status();
  YZ_CO_TRY(std::string answer, co_await response.read_all(kMaxAnswer));
  if (status / 100 != 2) co_return fail(to_error(status, answer));
  co_return answer;
}

io::Task<Result<CacheStatus>> EdgeDriver::status() {
  Call call{"GET", "/status", "", kQuick};
  YZ_CO_TRY(const std::string answer, co_await ask(std::move(call), ""));
  co_return read_status(answer);
}

io::Task<Status> EdgeDriver::apply_snapshot(rpc::SharedBytes snapshot) {
  Call call{"PUT", "/config", std::string(kBinary), kThorough};
  auto answer = co_await ask(std::move(call), *snapshot);
  if (!answer) co_return fail(std::move(answer).error());
  co_return Status();
}

io::Task<Status> EdgeDriver::apply_delta(rpc::SharedBytes delta) {
  Call call{"POST", "/config/delta", std::string(kBinary), kThorough};
  auto answer = co_await ask(std::move(call), *delta);
  if (!answer) co_return fail(std::move(answer).error());
  co_return Status();
}

io::Task<Result<model::PurgeSeq>> EdgeDriver::purge(rpc::SharedBytes records) {
  Call call{"POST", "/purge", std::string(kBinary), kThorough};
  YZ_CO_TRY(const std::string answer, co_await ask(std::move(call), *records));
  co_return read_purge_seq(answer);
}

io::Task<Result<model::PurgeSeq>> EdgeDriver::resync(model::PurgeSeq seq) {
  const json body{{"seq", seq.value}};
  Call call{"POST", "/purge/resync", std::string(kJson), kThorough};
  YZ_CO_TRY(const std::string answer, co_await ask(std::move(call), body.dump()));
  co_return read_purge_seq(answer);
}

io::Task<Result<Prefetched>> EdgeDriver::prefetch(std::string url, bool reads_manifests) {
  const json body{{"urls", json::array({url})}, {"manifests", reads_manifests}};
  Call call{"POST", "/prefetch", std::string(kJson), kPrefetch};
  YZ_CO_TRY(const std::string answer, co_await ask(std::move(call), body.dump()));
  co_return read_prefetched(answer);
}

io::Task<Result<std::vector<rpc::Correction>>> EdgeDriver::take_corrections() {
  Call call{"POST", "/corrections/take", "", kQuick};
  YZ_CO_TRY(const std::string answer, co_await ask(std::move(call), ""));
  co_return read_corrections(answer);
}

io::Task<Status> EdgeDriver::set_ready(bool ready) {
  const json body{{"ready", ready}};
  Call call{"POST", "/ready", std::string(kJson), kQuick};
  auto answer = co_await ask(std::move(call), body.dump());
  if (!answer) co_return fail(std::move(answer).error());
  co_return Status();
}

io::Task<Status> EdgeDriver::set_draining(bool draining) {
  const json body{{"draining", draining}};
  Call call{"POST", "/drain", std::string(kJson), kQuick};
  auto answer = co_await ask(std::move(call), body.dump());
  if (!answer) co_return fail(std::move(answer).error());
  co_return Status();
}

}  // namespace yz::agent
