#include "oidc/provider.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "acme/curl_transport.h"
#include "base/hash.h"
#include "base/openssl.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::oidc {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kLongestCode = 4'096;
constexpr std::string_view kScope = "openid email profile";
constexpr std::string_view kMetadataPath = "/.well-known/openid-configuration";

using Parameter = std::pair<std::string_view, std::string_view>;

/// application/x-www-form-urlencoded.
std::string form_of(std::initializer_list<Parameter> parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(percent_encode(value));
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return out;
}

/// RFC 6749 §2.3.1: both are form-encoded first.
std::string basic_auth(const Provider::Options& options) {
  return "Basic " + to_base64(percent_encode(options.client_id) + ':' + percent_encode(options.client_secret));
}

}  // namespace

Secrets Secrets::make() {
  const auto draw = [] { return to_base64url(secret_bytes(kSecretBytes)); };
  return {.state = draw(), .nonce = draw(), .verifier = draw()};
}

Provider::Provider(Options options, const Clock& clock, std::shared_ptr<const std::atomic<bool>> is_stopping)
    : options_(std::move(options)), clock_(clock), is_stopping_(std::move(is_stopping)) {}

Result<std::string> Provider::authorization_url(const Secrets& secrets) {
  YZ_TRY(const Metadata about, metadata());
  const std::string challenge = to_base64url(sha256(secrets.verifier));  // RFC 7636 §4.2
  const std::string& base = about.authorization_endpoint;
  return base + (base.find('?') == std::string::npos ? '?' : '&') +
         form_of({{"response_type", "code"},
                  {"client_id", options_.client_id},
                  {"redirect_uri", options_.redirect_uri},
                  {"scope", kScope},
                  {"state", secrets.state},
                  {"nonce", secrets.nonce},
                  {"code_challenge", challenge},
                  {"code_challenge_method", "S256"}});
}

Result<IdToken> Provider::redeem(const Redirected& redirected, const Secrets& secrets) {
  YZ_TRY(const Metadata about, metadata());
  // RFC 9207 §2.4: before the code goes anywhere.
  if (redirected.issuer ? *redirected.issuer != options_.issuer : about.names_issuer) {
    return fail(Code::kPermission, "the answer is of another issuer", Fault::kOrigin);
  }
  if (redirected.code.empty() || redirected.code.size() > kLongestCode) {
    return fail(Code::kUnauthenticated, "the answer has no code", Fault::kOrigin);
  }
  YZ_TRY(const Tokens tokens, exchange_code(about, redirected.code, secrets.verifier));
  YZ_TRY(IdToken person, judge(about, tokens.id_token, secrets.nonce));
  // Core §5.4: where there is an access token, the address may be told for it alone.
  if (!person.email.empty() || tokens.access_token.empty() || about.userinfo_endpoint.empty()) return person;
  YZ_TRY(const std::string info, get(about.userinfo_endpoint, tokens.access_token));
  return add_userinfo(std::move(person), info, options_.email_claim);
}

Result<IdToken> Provider::judge(const Metadata& metadata, const std::string& token, const std::string& nonce) {
  const Expectation expected{options_.issuer, options_.client_id, nonce, options_.email_claim};
  YZ_TRY(const Kept<KeySet> held, keys(metadata, std::nullopt));
  Result<IdToken> person = verify(token, held.value, expected, clock_.wall());
  if (person || person.error().code != Code::kNotFound) return person;
  YZ_TRY(const Kept<KeySet> newer, keys(metadata, held.read_at));
  return verify(token, newer.value, expected, clock_.wall());
}

Result<Metadata> Provider::metadata() {
  {
    const std::lock_guard lock(mutex_);
    if (metadata_ && clock_.mono() - metadata_->read_at < options_.kept_for) return metadata_->value;
  }
  std::string_view base = options_.issuer;
  if (base.ends_with('/')) base.remove_suffix(1);
  YZ_TRY(const std::string text, get(std::string(base).append(kMetadataPath)));
  YZ_TRY(Metadata read, read_metadata(text, options_.issuer));
  const std::lock_guard lock(mutex_);
  metadata_ = Kept<Metadata>{read, clock_.mono()};
  return read;
}

Result<Provider::Kept<KeySet>> Provider::keys(const Metadata& metadata, std::optional<MonoTime> known_at) {
  {
    const std::lock_guard lock(mutex_);
    if (keys_) {
      const auto age = clock_.mono() - keys_->read_at;
      const bool is_newer = !known_at || keys_->read_at > *known_at;
      if (is_newer ? age < options_.kept_for : age < options_.keys_again_after) return *keys_;
    }
  }
  YZ_TRY(const std::string text, get(metadata.jwks_uri));
  YZ_TRY(KeySet read, KeySet::read(text));
  const std::lock_guard lock(mutex_);
  keys_ = Kept<KeySet>{std::move(read), clock_.mono()};
  return *keys_;
}

Result<acme::HttpResponse> Provider::exchange(const acme::HttpRequest& request) const {
  acme::CurlTransport::Options options;
  options.user_agent = "yizhan-oidc/1";
  options.allows_http = is_plain_loopback(options_.issuer);
  options.ca_pem = options_.ca_pem;
  options.connect_timeout = std::min(options_.timeout, options.connect_timeout);
  options.timeout = options_.timeout;
  options.max_body = KeySet::kMaxText;
  options.is_stopping = is_stopping_;
  acme::CurlTransport way(std::move(options));  // of this call alone: logins are rare
  return way.exchange(request);
}

Result<std::string> Provider::get(const std::string& url, const std::string& token) const {
  acme::HttpRequest request;
  request.method = "GET";
  request.url = url;
  request.accept = "application/json";
  if (!token.empty()) request.authorization = "Bearer " + token;
  YZ_TRY(acme::HttpResponse response, exchange(request));
  if (response.status != 200) {
    return fail(Code::kUnavailable, fmt::format("{} answered {}", url, response.status), Fault::kOrigin);
  }
  return std::move(response.body);
}

Result<Tokens> Provider::exchange_code(const Metadata& metadata, const std::string& code,
                                       const std::string& verifier) const {
  acme::HttpRequest request;
  request.method = "POST";
  request.url = metadata.token_endpoint;
  request.accept = "application/json";
  request.content_type = "application/x-www-form-urlencoded";
  request.body = form_of({{"grant_type", "authorization_code"},
                          {"code", code},
                          {"redirect_uri", options_.redirect_uri},
                          {"code_verifier", verifier}});
  if (!options_.client_secret.empty() && metadata.takes_basic_auth) {
    request.authorization = basic_auth(options_);
  } else {
    request.body += '&' + form_of({{"client_id", options_.client_id}});
    if (!options_.client_secret.empty()) request.body += '&' + form_of({{"client_secret", options_.client_secret}});
  }
  YZ_TRY(const acme::HttpResponse response, exchange(request));
  if (response.status == 200) return read_token_answer(response.body);
  if (response.status >= 500) {
    return fail(Code::kUnavailable, fmt::format("the token endpoint answered {}", response.status), Fault::kOrigin);
  }
  return fail(Code::kUnauthenticated,
              fmt::format("the token endpoint refused the code: {} ({})", read_refusal(response.body), response.status),
              Fault::kOrigin);
}

}  // namespace yz::oidc
