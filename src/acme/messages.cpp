#include "acme/messages.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "http/date.h"

namespace yz::acme {
namespace {

using nlohmann::json;

constexpr std::string_view kErrorPrefix = "urn:ietf:params:acme:error:";
constexpr std::string_view kOrderStatus[] = {"pending", "ready", "processing", "valid", "invalid"};
constexpr std::string_view kAuthorizationStatus[] = {"pending",     "valid",   "invalid",
                                                     "deactivated", "expired", "revoked"};
constexpr std::size_t kMaxText = 1000;  // of an authority's words that are passed on

tl::unexpected<Error> unexpected_form(std::string_view what, std::string_view why) {
  return fail(Code::kCorrupt, fmt::format("the authority's {} is not what RFC 8555 says: {}", what, why),
              Fault::kOrigin);
}

Result<json> read_object(std::string_view text, std::string_view what) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return unexpected_form(what, "no JSON object");
  return document;
}

std::string text_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool flag_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

template <typename Status, std::size_t N>
std::optional<Status> status_of(const json& object, const std::string_view (&names)[N]) {
  const auto* found = std::ranges::find(names, std::string_view(text_of(object, "status")));
  if (found == std::end(names)) return std::nullopt;
  return static_cast<Status>(found - std::begin(names));
}

std::string short_type(std::string type) {
  if (type.starts_with(kErrorPrefix)) type.erase(0, kErrorPrefix.size());
  return type == "about:blank" ? std::string() : type;
}

std::string identifier_of(const json& object) {
  const auto it = object.find("identifier");
  return it != object.end() && it->is_object() ? text_of(*it, "value") : std::string();
}

AcmeProblem problem_from(const json& object, int status) {
  AcmeProblem out;
  out.type = short_type(text_of(object, "type"));
  out.detail = text_of(object, "detail");
  out.status = status;
  if (const auto it = object.find("status"); status == 0 && it != object.end() && it->is_number_integer()) {
    out.status = it->get<int>();
  }
  if (const auto it = object.find("subproblems"); it != object.end() && it->is_array()) {
    for (const json& part : *it) {
      if (part.is_object())
        out.parts.push_back({identifier_of(part), short_type(text_of(part, "type")), text_of(part, "detail")});
    }
  }
  return out;
}

std::optional<AcmeProblem> problem_in(const json& object) {
  const auto it = object.find("error");
  if (it == object.end() || !it->is_object()) return std::nullopt;
  return problem_from(*it, 0);
}

}  // namespace

std::string AcmeProblem::text() const {
  std::string out = type.empty() ? fmt::format("status {}", status) : type;
  if (!detail.empty()) out += ": " + detail;
  for (const Part& part : parts) out += fmt::format(" ({}: {} {})", part.identifier, part.type, part.detail);
  if (out.size() <= kMaxText) return out;
  out.resize(kMaxText);
  while (!is_utf8(out)) out.pop_back();  // not in the middle of a character
  return out;
}

const OfferedChallenge* Authorization::find(std::string_view type) const {
  const auto it = std::ranges::find(challenges, type, &OfferedChallenge::type);
  return it == challenges.end() ? nullptr : &*it;
}

const AcmeProblem* Authorization::problem() const {
  for (const OfferedChallenge& one : challenges) {
    if (one.problem) return &*one.problem;
  }
  return nullptr;
}

Result<Directory> read_directory(std::string_view text) {
  YZ_TRY(const json document, read_object(text, "directory"));
  Directory out{.new_nonce = text_of(document, "newNonce"),
                .new_account = text_of(document, "newAccount"),
                .new_order = text_of(document, "newOrder"),
                .revoke_cert = text_of(document, "revokeCert"),
                .key_change = text_of(document, "keyChange"),
                .renewal_info = text_of(document, "renewalInfo"),
                .terms_of_service = {}};
  if (out.new_nonce.empty() || out.new_account.empty() || out.new_order.empty()) {
    return unexpected_form("directory", "newNonce, newAccount or newOrder is missing");
  }
  if (const auto meta = document.find("meta"); meta != document.end() && meta->is_object()) {
    out.terms_of_service = text_of(*meta, "termsOfService");
    out.needs_external_account = flag_of(*meta, "externalAccountRequired");
  }
  return out;
}

Result<AcmeOrder> read_order(std::string_view text) {
  YZ_TRY(const json document, read_object(text, "order"));
  AcmeOrder out;
  const auto status = status_of<OrderStatus>(document, kOrderStatus);
  if (!status) return unexpected_form("order", "its status is none of section 7.1.6");
  out.status = *status;
  out.finalize = text_of(document, "finalize");
  out.certificate = text_of(document, "certificate");
  out.problem = problem_in(document);
  const auto list = document.find("authorizations");
  if (list == document.end() || !list->is_array()) return unexpected_form("order", "authorizations are missing");
  for (const json& url : *list) {
    if (!url.is_string()) return unexpected_form("order", "an authorization is no URL");
    out.authorizations.push_back(url.get<std::string>());
  }
  return out;
}

Result<Authorization> read_authorization(std::string_view text) {
  YZ_TRY(const json document, read_object(text, "authorization"));
  Authorization out;
  const auto status = status_of<AuthorizationStatus>(document, kAuthorizationStatus);
  if (!status) return unexpected_form("authorization", "its status is none of section 7.1.6");
  out.status = *status;
  out.host = to_lower(identifier_of(document));
  if (out.host.empty()) return unexpected_form("authorization", "its identifier is missing");
  out.is_wildcard = flag_of(document, "wildcard");
  const auto list = document.find("challenges");
  if (list == document.end() || !list->is_array()) return unexpected_form("authorization", "challenges are missing");
  for (const json& one : *list) {
    if (!one.is_object()) continue;
    out.challenges.push_back({.type = text_of(one, "type"),
                              .url = text_of(one, "url"),
                              .token = text_of(one, "token"),
                              .status = text_of(one, "status"),
                              .problem = problem_in(one)});
  }
  return out;
}

Result<RenewalInfo> read_renewal_info(std::string_view text) {
  YZ_TRY(const json document, read_object(text, "renewal information"));
  const auto window = document.find("suggestedWindow");
  if (window == document.end() || !window->is_object()) {
    return unexpected_form("renewal information", "suggestedWindow is missing");
  }
  const auto start = parse_rfc3339(text_of(*window, "start"));
  const auto end = parse_rfc3339(text_of(*window, "end"));
  if (!start || !end || *end < *start) return unexpected_form("renewal information", "its window is no window");
  return RenewalInfo{.start = *start, .end = *end, .explanation = text_of(document, "explanationURL")};
}

AcmeProblem read_problem(int status, std::string_view body) {
  const json document = json::parse(body, nullptr, false);
  if (document.is_object()) return problem_from(document, status);
  return {.type = {}, .detail = {}, .status = status, .parts = {}, .retry_after = {}};
}

std::optional<std::chrono::seconds> read_retry_after(std::string_view field, WallTime now) {
  constexpr std::uint32_t kLongest = 10 * 86400;
  field = trim(field);
  if (const auto number = parse_u64(field)) {
    return std::chrono::seconds(std::min<std::uint64_t>(*number, kLongest));
  }
  const auto date = http::parse_date(field, now);
  if (!date) return std::nullopt;
  const auto away = std::chrono::ceil<std::chrono::seconds>(*date - now);
  return std::clamp(away, std::chrono::seconds(0), std::chrono::seconds(kLongest));
}

std::vector<std::string> links_of(std::string_view field, std::string_view relation) {
  std::vector<std::string> out;
  for (std::size_t open = field.find('<'); open != std::string_view::npos; open = field.find('<', open + 1)) {
    const std::size_t close = field.find('>', open);
    if (close == std::string_view::npos) break;
    const std::string_view parameters = field.substr(close + 1, field.find('<', close) - close - 1);
    const bool fits = parameters.find(fmt::format("rel=\"{}\"", relation)) != std::string_view::npos ||
                      parameters.find(fmt::format("rel={}", relation)) != std::string_view::npos;
    if (fits) out.emplace_back(field.substr(open + 1, close - open - 1));
    open = close;
  }
  return out;
}

}  // namespace yz::acme
