#include "control/oidc/oidc_settings.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "control/body.h"
#include "oidc/messages.h"

namespace yz::control {
namespace {

constexpr std::size_t kLongestName = 60;
constexpr std::size_t kLongestId = 255;
constexpr std::uint64_t kMaxSecretFile = 4'096;

/// Scheme, host and port without a path; empty when it is no such URL.
std::string origin_of(std::string_view url) {
  if (url.ends_with('/')) url.remove_suffix(1);
  const std::size_t host = url.find("://") + 3;
  if (!oidc::is_provider_url(url) || url.find_first_of("/?", host) != std::string_view::npos) return {};
  return std::string(url);
}

/// `new_user_role` and `new_user_tenant`: administrators are made by administrators alone.
void read_new_users(BodyReader& reader, OidcSettings& out) {
  const auto role = reader.choice("new_user_role", {"operations", "support", "owner", "member", "billing", "viewer"});
  out.new_user_role = role.value_or("");
  out.new_user_tenant = model::TenantId{reader.number("new_user_tenant").value_or(0)};
  const bool is_operators = role && (*role == "operations" || *role == "support");
  if (role && !is_operators && !out.new_user_tenant) {
    reader.wrong("/new_user_role", "is of a tenant: new_user_tenant must say which, by its id");
  }
  if (out.new_user_tenant && (!role || is_operators)) {
    reader.wrong("/new_user_tenant", "goes with new_user_role owner, member, billing or viewer");
  }
}

}  // namespace

OidcSettings read_oidc_settings(const nlohmann::json& json, BodyReader& outer) {
  OidcSettings out;
  if (!json.is_object()) {
    outer.wrong("/oidc", "expected a mapping");
    return out;
  }
  BodyReader reader(json, {"issuer", "client_id", "client_secret", "client_secret_file", "ca_file", "public_url",
                           "display_name", "email_claim", "new_user_role", "new_user_tenant"});
  out.issuer = reader.text("issuer", true).value_or("");
  if (!oidc::is_provider_url(out.issuer) || out.issuer.find('?') != std::string::npos) {
    reader.wrong("/issuer", "expected an https URL such as https://id.example.com/realms/main");
  }
  out.client_id = reader.text("client_id", true).value_or("");
  if (out.client_id.empty() || out.client_id.size() > kLongestId) reader.wrong("/client_id", "expected 1 to 255 bytes");
  out.client_secret = reader.text("client_secret").value_or("");
  out.client_secret_file = reader.text("client_secret_file").value_or("");
  if (!out.client_secret.empty() && !out.client_secret_file.empty()) {
    reader.wrong("/client_secret_file", "client_secret is given as well; expected one of both");
  }
  out.ca_file = reader.text("ca_file").value_or("");
  out.public_url = origin_of(reader.text("public_url", true).value_or(""));
  if (out.public_url.empty()) {
    reader.wrong("/public_url", "expected an https URL without a path, such as https://console.example.com");
  }
  out.display_name = reader.text("display_name").value_or("OpenID Connect");
  if (out.display_name.empty() || out.display_name.size() > kLongestName) {
    reader.wrong("/display_name", "expected 1 to 60 bytes");
  }
  out.email_claim = reader.text("email_claim").value_or("email");
  if (out.email_claim.empty()) reader.wrong("/email_claim", "expected the name of a claim, such as email");
  read_new_users(reader, out);
  for (const model::Problem& wrong : reader.problem().errors) outer.wrong("/oidc" + wrong.pointer, wrong.message);
  return out;
}

Result<std::string> read_client_secret(const OidcSettings& settings) {
  if (settings.client_secret_file.empty()) return settings.client_secret;
  auto text = read_file(settings.client_secret_file, kMaxSecretFile);
  if (!text) return fail(std::move(text).error().with_context("oidc.client_secret_file"));
  std::string secret(trim(*text));
  if (secret.empty()) return fail(Code::kInvalid, settings.client_secret_file.string() + ": the secret is empty");
  return secret;
}

}  // namespace yz::control
