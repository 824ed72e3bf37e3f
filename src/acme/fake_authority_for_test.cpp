#include "acme/fake_authority_for_test.h"

#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "acme/account_key.h"
#include "acme/certificate_request.h"
#include "base/hash.h"
#include "base/openssl.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::acme::test {
namespace {

using nlohmann::json;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;

std::string decoded(const json& value) { return from_base64url(value.get<std::string>()).value_or(std::string()); }

KeyPtr key_of(const json& jwk) {
  const std::string point = '\x04' + decoded(jwk.at("x")) + decoded(jwk.at("y"));
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder.get()));
  const ContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return KeyPtr(key);
}

bool verifies(const json& jwk, const json& jws) {
  const KeyPtr key = key_of(jwk);
  const std::string raw = decoded(jws.at("signature"));
  if (!key || raw.size() != 64) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const SignaturePtr signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  const std::string data = jws.at("protected").get<std::string>() + '.' + jws.at("payload").get<std::string>();
  const DigestPtr context(EVP_MD_CTX_new());
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  const bool ok = EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size),
                                   reinterpret_cast<const unsigned char*>(data.data()), data.size()) == 1;
  OPENSSL_free(der);
  return ok;
}

std::string thumbprint_of(const json& jwk) {
  return to_base64url(
      sha256(json{{"crv", jwk.at("crv")}, {"kty", jwk.at("kty")}, {"x", jwk.at("x")}, {"y", jwk.at("y")}}.dump()));
}

void set_name(X509_NAME* name, const char* text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text), -1, -1, 0);
}

void add(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A signing certificate under a root of this name that nobody sees.
struct Issuer {
  KeyPtr key;
  X509Ptr certificate;

  Issuer(const char* root, WallTime now) : key(EVP_EC_gen("P-256")), certificate(X509_new()) {
    X509* x = certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set_int64(X509_get_serialNumber(x), 1);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    ASN1_TIME_set(X509_getm_notBefore(x), seconds - 86400);
    ASN1_TIME_set(X509_getm_notAfter(x), seconds + 86400LL * 3650);
    set_name(X509_get_subject_name(x), "Fake Intermediate");
    X509_NAME* above = X509_NAME_new();
    set_name(above, root);
    X509_set_issuer_name(x, above);
    X509_NAME_free(above);
    X509_set_pubkey(x, key.get());
    add(x, x, NID_basic_constraints, "critical,CA:TRUE");
    add(x, x, NID_subject_key_identifier, "hash");
    X509_sign(x, key.get(), EVP_sha256());
  }

  [[nodiscard]] std::string pem() const { return to_pem(certificate.get()); }

  static std::string to_pem(X509* x) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), x);
    return drain(out.get());
  }

  [[nodiscard]] std::string issue(X509_REQ* request, const std::vector<std::string>& names, WallTime now,
                                  std::chrono::hours lifetime) const {
    const X509Ptr made(X509_new());
    X509* x = made.get();
    X509_set_version(x, X509_VERSION_3);
    std::string serial = secret_bytes(16);
    serial[0] = static_cast<char>(serial[0] | 0x80);  // so that its DER needs the zero byte
    BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), 16, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    ASN1_TIME_set(X509_getm_notBefore(x), seconds);
    ASN1_TIME_set(X509_getm_notAfter(x), seconds + std::chrono::seconds(lifetime).count());
    X509_set_issuer_name(x, X509_get_subject_name(certificate.get()));
    X509_set_pubkey(x, X509_REQ_get0_pubkey(request));
    std::string alternative;
    for (const std::string& name : names) alternative += (alternative.empty() ? "DNS:" : ",DNS:") + name;
    add(x, certificate.get(), NID_subject_alt_name, alternative);
    add(x, certificate.get(), NID_authority_key_identifier, "keyid:always");
    X509_sign(x, key.get(), EVP_sha256());
    return to_pem(x);
  }
};

HttpResponse refuse(int status, std::string_view type, std::string detail) {
  HttpResponse out;
  out.status = status;
  out.headers.emplace_back("content-type", "application/problem+json");
  out.body = json{{"type", fmt::format("urn:ietf:params:acme:error:{}", type)}, {"detail", std::move(detail)}}.dump();
  return out;
}

HttpResponse answer(int status, const json& body, const std::string& location = {}) {
  HttpResponse out;
  out.status = status;
  if (!location.empty()) out.headers.emplace_back("location", location);
  if (!body.is_null()) out.body = body.dump();
  return out;
}

struct AuthorizationState {
  std::string host;
  bool is_wildcard = false;
  std::string token;
  std::string status = "pending";
};

struct OrderState {
  std::vector<std::string> names;
  std::vector<std::size_t> authorizations;
  std::string status = "pending";
  std::string leaf;
  int polls = 0;
};

}  // namespace

struct FakeAuthority::State {
  explicit State(WallTime now) : main("Fake Root", now), alternate("Other Root", now) {}

  Behaviour behaviour;
  std::function<bool(const Check&)> validator = [](const Check&) { return true; };
  Issuer main;
  Issuer alternate;
  std::set<std::string> nonces;
  std::vector<json> accounts;  // JWKs; the URL is the index
  std::set<int> deactivated;
  std::vector<AuthorizationState> authorizations;
  std::vector<OrderState> orders;
  std::set<std::string> revoked;
  std::vector<std::string> replaced;
  int requests = 0;
};

class FakeAuthority::Way final : public Transport {
 public:
  explicit Way(FakeAuthority& authority) : authority_(authority) {}
  Result<HttpResponse> exchange(const HttpRequest& request) override {
    {
      const std::lock_guard lock(authority_.mutex_);
      ++authority_.state_->requests;
      if (authority_.state_->behaviour.is_down) {
        return fail(Code::kUnavailable, request.url + ": connection refused", Fault::kOrigin);
      }
    }
    return authority_.serve(request);
  }

 private:
  FakeAuthority& authority_;
};

FakeAuthority::FakeAuthority(const Clock& clock, std::string base)
    : clock_(clock), base_(std::move(base)), state_(std::make_unique<State>(clock.wall())) {}
FakeAuthority::~FakeAuthority() = default;

std::unique_ptr<Transport> FakeAuthority::connect() { return std::make_unique<Way>(*this); }

void FakeAuthority::set_validator(std::function<bool(const Check&)> validator) {
  const std::lock_guard lock(mutex_);
  state_->validator = std::move(validator);
}

void FakeAuthority::set(const std::function<void(Behaviour&)>& change) {
  const std::lock_guard lock(mutex_);
  change(state_->behaviour);
}

int FakeAuthority::orders() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(state_->orders.size());
}
int FakeAuthority::accounts() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(state_->accounts.size());
}
int FakeAuthority::revoked() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(state_->revoked.size());
}
int FakeAuthority::requests() const {
  const std::lock_guard lock(mutex_);
  return state_->requests;
}
std::vector<std::string> FakeAuthority::replaced() const {
  const std::lock_guard lock(mutex_);
  return state_->replaced;
}

HttpResponse FakeAuthority::serve(const HttpRequest& request) {
  if (request.method == "POST") return serve_post(request);
  const std::lock_guard lock(mutex_);
  State& s = *state_;
  if (request.url == base_ + "/dir") {
    json body{{"newNonce", base_ + "/nonce"},
              {"newAccount", base_ + "/account"},
              {"newOrder", base_ + "/order"},
              {"revokeCert", base_ + "/revoke"},
              {"keyChange", base_ + "/key"}};
    body["meta"] = {{"termsOfService", base_ + "/terms"},
                    {"externalAccountRequired", s.behaviour.needs_external_account}};
    if (s.behaviour.offers_renewal_info) body["renewalInfo"] = base_ + "/ari";
    return answer(200, body);
  }
  if (request.url == base_ + "/nonce") {
    HttpResponse out = answer(200, nullptr);
    out.headers.emplace_back("replay-nonce", *s.nonces.insert(to_base64url(secret_bytes(16))).first);
    return out;
  }
  if (request.url.starts_with(base_ + "/ari/")) {
    const WallTime now = clock_.wall();
    const auto window =
        s.behaviour.window.value_or(std::pair(now + s.behaviour.lifetime * 2 / 3, now + s.behaviour.lifetime * 3 / 4));
    HttpResponse out = answer(
        200, {{"suggestedWindow", {{"start", format_rfc3339(window.first)}, {"end", format_rfc3339(window.second)}}}});
    out.headers.emplace_back("retry-after", "3600");
    return out;
  }
  return refuse(404, "malformed", "no such thing");
}

namespace {

json authorization_body(const AuthorizationState& a, std::size_t number, const std::string& base) {
  json challenges = json::array();
  for (const char* type : {"http-01", "dns-01", "tls-alpn-01"}) {
    if (a.is_wildcard && std::string_view(type) != "dns-01") continue;
    json one{{"type", type},
             {"url", fmt::format("{}/challenge/{}/{}", base, number, type)},
             {"token", a.token},
             {"status", a.status}};
    if (a.status == "invalid") {
      one["error"] = {{"type", "urn:ietf:params:acme:error:incorrectResponse"}, {"detail", "not the expected answer"}};
    }
    challenges.push_back(std::move(one));
  }
  json out{{"identifier", {{"type", "dns"}, {"value", a.host}}}, {"status", a.status}, {"challenges", challenges}};
  if (a.is_wildcard) out["wildcard"] = true;
  return out;
}

}  // namespace

/// One signed request, taken apart; and what answers it. Under the authority's lock.
class FakeAuthority::Desk {
 public:
  Desk(State& state, const std::string& base, const Clock& clock) : s_(state), base_(base), clock_(clock) {}

  /// Nonce, URL, account and signature; none when they hold.
  std::optional<HttpResponse> check(const HttpRequest& request) {
    const json jws = json::parse(request.body, nullptr, false);
    if (!jws.is_object()) return refuse(400, "malformed", "no JWS");
    const json header = json::parse(decoded(jws.at("protected")), nullptr, false);
    if (s_.nonces.erase(header.value("nonce", "")) == 0) return refuse(400, "badNonce", "unknown nonce");
    if (s_.behaviour.refuse_nonces > 0) {
      --s_.behaviour.refuse_nonces;
      return refuse(400, "badNonce", "refused on purpose");
    }
    if (s_.behaviour.fail_requests > 0) {
      --s_.behaviour.fail_requests;
      return refuse(500, "serverInternal", "failed on purpose");
    }
    if (header.value("url", "") != request.url) return refuse(401, "unauthorized", "another URL was signed");
    path_ = request.url.substr(base_.size() + 1);
    if (auto refused = identify(header)) return refused;
    if (!verifies(jwk_, jws)) return refuse(403, "unauthorized", "the signature does not fit");
    const std::string payload = decoded(jws.at("payload"));
    if (!payload.empty()) payload_ = json::parse(payload, nullptr, false);
    parts_ = split(path_, '/');
    number_ = parts_.size() > 1 ? parse_u64(parts_[1]).value_or(0) : 0;
    return std::nullopt;
  }

  HttpResponse serve() {
    if (path_ == "account") return open_account();
    if (account_ < 0) return refuse(403, "unauthorized", "only for accounts");
    if (parts_[0] == "account") {
      s_.deactivated.insert(account_);
      return answer(200, {{"status", "deactivated"}});
    }
    if (path_ == "key") return change_key();
    if (path_ == "order") return new_order();
    if (path_ == "revoke") return revoke();
    if (parts_[0] == "authorization" && number_ < s_.authorizations.size()) {
      return answer(200, authorization_body(s_.authorizations[number_], number_, base_));
    }
    if (number_ >= s_.orders.size()) return refuse(404, "malformed", "no such thing");
    if (parts_[0] == "order") return answer(200, order_body(number_));
    if (parts_[0] == "finalize") return finalize();
    if (parts_[0] == "certificate" || parts_[0] == "alternate") return download();
    return refuse(404, "malformed", "no such thing");
  }

  /// The check of a challenge that is answered by this request; none: it is another request.
  [[nodiscard]] std::optional<Check> challenge() const {
    if (parts_[0] != "challenge" || number_ >= s_.authorizations.size() || account_ < 0) return std::nullopt;
    const AuthorizationState& a = s_.authorizations[number_];
    return Check{std::string(parts_[2]), a.host, a.token, a.token + '.' + thumbprint_of(jwk_)};
  }
  HttpResponse settle_challenge(bool met) {
    s_.authorizations[number_].status = met ? "valid" : "invalid";
    return answer(200, {{"status", "processing"}});
  }

 private:
  std::optional<HttpResponse> identify(const json& header) {
    if (!header.contains("kid")) {
      jwk_ = header.at("jwk");
      return std::nullopt;
    }
    const std::string kid = header["kid"];
    const std::string prefix = base_ + "/account/";
    const auto number = kid.starts_with(prefix) ? parse_u64(kid.substr(prefix.size())) : std::nullopt;
    if (!number || *number >= s_.accounts.size() || s_.behaviour.forgets_accounts) {
      return refuse(400, "accountDoesNotExist", "no such account");
    }
    account_ = static_cast<int>(*number);
    if (s_.deactivated.contains(account_)) return refuse(403, "unauthorized", "deactivated");
    jwk_ = s_.accounts[*number];
    return std::nullopt;
  }

  [[nodiscard]] bool is_bound() const {
    const auto eab = payload_.find("externalAccountBinding");
    if (eab == payload_.end()) return false;
    const std::string data = eab->at("protected").get<std::string>() + '.' + eab->at("payload").get<std::string>();
    return to_base64url(hmac_sha256(s_.behaviour.mac_key, data)) == eab->at("signature").get<std::string>() &&
           json::parse(decoded(eab->at("payload"))) == jwk_ &&
           json::parse(decoded(eab->at("protected"))).value("kid", "") == "kid-1";
  }

  HttpResponse open_account() {
    const auto at = [this](std::size_t i) { return fmt::format("{}/account/{}", base_, i); };
    for (std::size_t i = 0; i < s_.accounts.size(); ++i) {
      if (!s_.behaviour.forgets_accounts && s_.accounts[i] == jwk_) return answer(200, {{"status", "valid"}}, at(i));
    }
    if (s_.behaviour.needs_external_account && !is_bound()) {
      return refuse(403, "externalAccountRequired", "no binding that fits");
    }
    s_.behaviour.forgets_accounts = false;
    s_.accounts.push_back(jwk_);
    return answer(201, {{"status", "valid"}}, at(s_.accounts.size() - 1));
  }

  HttpResponse change_key() {
    const json header = json::parse(decoded(payload_.at("protected")));
    if (!verifies(header.at("jwk"), payload_)) return refuse(403, "unauthorized", "the inner signature does not fit");
    const json inner = json::parse(decoded(payload_.at("payload")));
    if (inner.at("oldKey") != jwk_) return refuse(403, "unauthorized", "another old key");
    s_.accounts[static_cast<std::size_t>(account_)] = header.at("jwk");
    return answer(200, json::object());
  }

  HttpResponse new_order() {
    if (s_.behaviour.rate_limited) {
      HttpResponse out = refuse(429, "rateLimited", "too many orders");
      out.headers.emplace_back("retry-after", std::to_string(*s_.behaviour.rate_limited));
      return out;
    }
    OrderState order;
    for (const json& one : payload_.at("identifiers")) {
      const std::string name = one.at("value");
      if (s_.behaviour.blocked.contains(name)) return refuse(403, "rejectedIdentifier", name + " is blocked");
      order.names.push_back(name);
      AuthorizationState a;
      a.is_wildcard = name.starts_with("*.");
      a.host = a.is_wildcard ? name.substr(2) : name;
      a.token = to_base64url(secret_bytes(16));
      order.authorizations.push_back(s_.authorizations.size());
      s_.authorizations.push_back(std::move(a));
    }
    if (payload_.contains("replaces")) s_.replaced.push_back(payload_["replaces"]);
    s_.orders.push_back(std::move(order));
    const std::size_t number = s_.orders.size() - 1;
    return answer(201, order_body(number), fmt::format("{}/order/{}", base_, number));
  }

  json order_body(std::size_t number) {
    OrderState& o = s_.orders[number];
    if (o.status == "pending") {
      bool all = true;
      for (const std::size_t a : o.authorizations) {
        const std::string& status = s_.authorizations[a].status;
        if (status == "invalid") o.status = "invalid";
        all = all && status == "valid";
      }
      if (all) o.status = "ready";
    } else if (o.status == "processing" && o.polls-- <= 0) {
      o.status = "valid";
    }
    json body{{"status", o.status}, {"finalize", fmt::format("{}/finalize/{}", base_, number)}};
    body["authorizations"] = json::array();
    for (const auto a : o.authorizations)
      body["authorizations"].push_back(fmt::format("{}/authorization/{}", base_, a));
    if (o.status == "valid") body["certificate"] = fmt::format("{}/certificate/{}", base_, number);
    return body;
  }

  HttpResponse finalize() {
    (void)order_body(number_);
    OrderState& o = s_.orders[number_];
    if (o.status != "ready") return refuse(403, "orderNotReady", o.status);
    const std::string der = decoded(payload_.at("csr"));
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const RequestPtr csr(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    if (!csr || X509_REQ_verify(csr.get(), X509_REQ_get0_pubkey(csr.get())) != 1) {
      return refuse(400, "badCSR", "not a sound request");
    }
    o.leaf = s_.main.issue(csr.get(), o.names, clock_.wall(), s_.behaviour.lifetime);
    o.status = "processing";
    o.polls = s_.behaviour.polls_until_valid;
    return answer(200, order_body(number_));
  }

  HttpResponse download() {
    HttpResponse out;
    out.status = 200;
    out.body = s_.orders[number_].leaf + (parts_[0] == "alternate" ? s_.alternate : s_.main).pem();
    out.headers.emplace_back("link", fmt::format("<{}/alternate/{}>;rel=\"alternate\"", base_, number_));
    return out;
  }

  HttpResponse revoke() {
    if (!s_.revoked.insert(payload_.at("certificate").get<std::string>()).second) {
      return refuse(400, "alreadyRevoked", "before");
    }
    return answer(200, nullptr);
  }

  State& s_;
  const std::string& base_;
  const Clock& clock_;
  std::string path_;
  std::vector<std::string_view> parts_;  // of path_
  std::size_t number_ = 0;
  int account_ = -1;
  json jwk_;
  json payload_;  // null for POST-as-GET
};

HttpResponse FakeAuthority::serve_post(const HttpRequest& request) {
  std::unique_lock lock(mutex_);
  Desk desk(*state_, base_, clock_);
  HttpResponse out;
  if (auto refused = desk.check(request)) {
    out = *std::move(refused);
  } else if (const auto check = desk.challenge()) {
    const auto validator = state_->validator;
    lock.unlock();  // it looks at what the caller has, which may take a while
    const bool met = validator(*check);
    lock.lock();
    out = desk.settle_challenge(met);
  } else {
    out = desk.serve();
  }
  out.headers.emplace_back("replay-nonce", *state_->nonces.insert(to_base64url(secret_bytes(16))).first);
  return out;
}

}  // namespace yz::acme::test
