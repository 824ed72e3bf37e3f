#include "control/call.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "model/json.h"

namespace yz::control {
namespace {

constexpr std::size_t kDefaultLimit = 100;
constexpr std::uint32_t kMaxLimit = 500;

std::optional<std::string_view> find(const std::vector<Field>& fields, std::string_view name) {
  const auto it = std::ranges::find(fields, name, &Field::first);
  if (it == fields.end()) return std::nullopt;
  return it->second;
}

/// Whether a list of entity tags (or "*") names `etag`. Weak tags are compared by their opaque part for If-None-Match
/// and never match for If-Match (RFC 9110 §8.8.3.2).
bool names(std::string_view list, std::string_view etag, bool weak_counts) {
  for (std::string_view item : split(list, ',')) {
    item = trim(item);
    if (item == "*" || item == etag) return true;
    if (weak_counts && item.starts_with("W/") && item.substr(2) == etag) return true;
  }
  return false;
}

bool is_json_type(std::string_view type) {
  type = trim(type.substr(0, type.find(';')));
  return equals_ignoring_case(type, "application/json") || equals_ignoring_case(type, "application/merge-patch+json");
}

}  // namespace

std::optional<std::string_view> Call::header(std::string_view name) const { return find(headers, name); }

std::optional<std::string_view> Call::parameter(std::string_view name) const { return find(query, name); }

std::uint64_t Call::id(std::string_view name) const { return parse_u64(find(params, name).value_or("")).value_or(0); }

store::Author Call::author(model::TenantId tenant) const {
  store::Author out;
  if (principal.user_id != 0) {
    out.actor = "user:" + std::to_string(principal.user_id) + " " + principal.name;
  } else {
    out.actor =
        principal.token_id == 0 ? "nobody" : "token:" + std::to_string(principal.token_id) + " " + principal.name;
  }
  out.address = peer;
  out.request_id = request_id;
  out.tenant = tenant;
  out.at = now;
  return out;
}

Reply json_reply(const nlohmann::json& body, int status) {
  Reply out;
  out.status = status;
  out.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return out;
}

tl::expected<nlohmann::json, Problem> read_body(const Call& call) {
  if (!is_json_type(call.header("content-type").value_or("application/json"))) {
    return refuse(
        problem(415, "unsupported_media_type", "The body must be JSON", "Send Content-Type: application/json."));
  }
  Result<nlohmann::json> parsed = model::parse_json(call.body);
  if (!parsed) {
    Problem out = bad_request("The body is not JSON: " + parsed.error().message);
    out.errors = {{"", parsed.error().message}};
    return refuse(std::move(out));
  }
  if (!parsed->is_object()) return refuse(unprocessable("", "expected an object"));
  return *std::move(parsed);
}

tl::expected<store::Page, Problem> read_page(const Call& call) {
  store::Page page{0, kDefaultLimit};
  if (const auto text = call.parameter("limit")) {
    const auto limit = parse_u32(*text, kMaxLimit);
    if (!limit || *limit == 0) return refuse(bad_request("limit must be a number from 1 to 500."));
    page.limit = *limit;
  }
  if (const auto text = call.parameter("cursor")) {
    const Result<std::string> bytes = from_base64url(*text);
    const auto after = bytes && bytes->starts_with("a") ? parse_u64(std::string_view(*bytes).substr(1)) : std::nullopt;
    if (!after) return refuse(bad_request("cursor is not one that a list has answered."));
    page.after = *after;
  }
  return page;
}

Reply page_reply(nlohmann::json items, std::uint64_t next) {
  nlohmann::json body = {{"items", std::move(items)}};
  if (body["items"].is_null()) body["items"] = nlohmann::json::array();
  if (next != 0) body["next_cursor"] = to_base64url("a" + std::to_string(next));
  return json_reply(body);
}

std::string etag_of(std::uint64_t version) { return '"' + std::to_string(version) + '"'; }

tl::expected<void, Problem> check_if_match(const Call& call, std::uint64_t version) {
  const auto list = call.header("if-match");
  if (!list) return refuse(precondition_required());
  if (!names(*list, etag_of(version), false)) return refuse(precondition_failed());
  return {};
}

bool is_not_modified(const Call& call, std::uint64_t version) {
  const auto list = call.header("if-none-match");
  return list && names(*list, etag_of(version), true);
}

}  // namespace yz::control
