#include "oidc/messages.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/ip.h"
#include "base/text.h"
#include "oidc/id_token.h"

namespace yz::oidc {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestUrl = 2'000;
constexpr std::size_t kLongestError = 64;
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

tl::unexpected<Error> unexpected_form(std::string_view what, std::string_view why) {
  return fail(Code::kCorrupt, fmt::format("the provider's {} is not as OpenID Connect has it: {}", what, why),
              Fault::kOrigin);
}

std::string text_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// Host and port of an absolute URL.
std::string_view authority_of(std::string_view url, std::string_view scheme) {
  const std::string_view rest = url.substr(scheme.size());
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool is_this_machine(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) return false;  // whose host comes after it
  std::string_view host = authority;
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') == std::string_view::npos ? 0 : host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  const auto address = IpAddress::parse(host);
  return equals_ignoring_case(host, "localhost") || (address && address->is_loopback());
}

}  // namespace

bool is_plain_loopback(std::string_view url) {
  return url.starts_with(kHttp) && is_this_machine(authority_of(url, kHttp));
}

bool is_provider_url(std::string_view url) {
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '<' && c != '>' && c != '\\'; };
  if (url.size() > kLongestUrl || !std::ranges::all_of(url, is_plain) || url.find('#') != std::string_view::npos) {
    return false;
  }
  if (is_plain_loopback(url)) return true;
  if (!url.starts_with(kHttps)) return false;
  const std::string_view authority = authority_of(url, kHttps);
  return !authority.empty() && authority.find('@') == std::string_view::npos;
}

Result<Metadata> read_metadata(std::string_view text, std::string_view issuer) {
  constexpr std::string_view kWhat = "metadata";
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return unexpected_form(kWhat, "no JSON object");
  if (text_of(document, "issuer") != issuer) return unexpected_form(kWhat, "it is of another issuer");
  Metadata out;
  out.authorization_endpoint = text_of(document, "authorization_endpoint");
  out.token_endpoint = text_of(document, "token_endpoint");
  out.jwks_uri = text_of(document, "jwks_uri");
  for (const std::string* url : {&out.authorization_endpoint, &out.token_endpoint, &out.jwks_uri}) {
    // A provider on the network that points us to this machine is none.
    if (!is_provider_url(*url) || (is_plain_loopback(*url) && !is_plain_loopback(issuer))) {
      return unexpected_form(kWhat, "an endpoint is missing, or is no HTTPS URL");
    }
  }
  out.userinfo_endpoint = text_of(document, "userinfo_endpoint");
  if (!is_provider_url(out.userinfo_endpoint) ||
      (is_plain_loopback(out.userinfo_endpoint) && !is_plain_loopback(issuer))) {
    out.userinfo_endpoint.clear();
  }
  const auto names_issuer = document.find("authorization_response_iss_parameter_supported");
  out.names_issuer = names_issuer != document.end() && names_issuer->is_boolean() && names_issuer->get<bool>();
  const auto methods = document.find("token_endpoint_auth_methods_supported");
  if (methods != document.end() && methods->is_array()) {
    const auto offers = [&](const char* name) { return std::ranges::find(*methods, json(name)) != methods->end(); };
    out.takes_basic_auth = offers("client_secret_basic") || !offers("client_secret_post");
  }
  return out;
}

Result<Tokens> read_token_answer(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return unexpected_form("token answer", "no JSON object");
  Tokens out{text_of(document, "id_token"), text_of(document, "access_token")};
  if (out.id_token.empty()) return unexpected_form("token answer", "it has no ID token");
  if (out.id_token.size() > kMaxIdToken) return unexpected_form("token answer", "its ID token is too long");
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f'; };  // RFC 6749 §A.12, spaces left out
  if (out.access_token.size() > kMaxIdToken || !std::ranges::all_of(out.access_token, is_plain)) {
    out.access_token.clear();
  }
  return out;
}

std::string plain_error(std::string_view code) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  if (code.empty() || code.size() > kLongestError || !std::ranges::all_of(code, is_plain)) return "unknown";
  return std::string(code);
}

std::string read_refusal(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  return plain_error(document.is_object() ? text_of(document, "error") : std::string());
}

}  // namespace yz::oidc
