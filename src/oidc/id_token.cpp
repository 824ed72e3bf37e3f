#include "oidc/id_token.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "base/hash.h"
#include "base/openssl.h"
#include "base/text.h"

namespace yz::oidc {
namespace {

using nlohmann::json;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

constexpr std::size_t kCoordinate = 32;  // bytes of P-256
constexpr std::size_t kShortestModulus = 256;
constexpr std::size_t kLongestModulus = 1024;
constexpr std::size_t kLongestExponent = 8;
constexpr std::size_t kLongestName = 255;  // of subjects (Core §2), key ids, names
constexpr std::size_t kMaxAudiences = 32;
constexpr double kLatestTime = 253'402'300'799;  // 9999-12-31T23:59:59Z

/// The only algorithms there are: never "none", and no HMAC, whose key would be the public one.
enum class Algorithm : std::uint8_t { kRs256, kEs256 };

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  if (name == "RS256") return Algorithm::kRs256;
  if (name == "ES256") return Algorithm::kEs256;
  return std::nullopt;
}

tl::unexpected<Error> refused(std::string_view why) {
  return fail(Code::kPermission, fmt::format("the ID token {}", why), Fault::kOrigin);
}

/// The member as text; none when it is missing or of another type.
std::optional<std::string> text_of(const json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

/// The bytes of a base64url member within bounds; empty: none.
std::string bytes_of(const json& object, const char* name, std::size_t longest) {
  const auto text = text_of(object, name);
  if (!text || text->size() > (longest + 2) * 4 / 3) return {};
  Result<std::string> bytes = from_base64url(*text);
  return bytes && bytes->size() <= longest ? *std::move(bytes) : std::string();
}

KeyPtr make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const ContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  }
  ERR_clear_error();
  return KeyPtr(key);
}

NumberPtr number_of(std::string_view bytes) {
  return NumberPtr(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
}

/// RFC 7518 §6.3.1. Null unless it is a key that RS256 may use (§3.3: 2048 bits at least).
KeyPtr read_rsa(const json& jwk) {
  const std::string modulus = bytes_of(jwk, "n", kLongestModulus);
  const std::string exponent = bytes_of(jwk, "e", kLongestExponent);
  if (modulus.size() < kShortestModulus || modulus[0] == 0 || exponent.empty()) return nullptr;
  const NumberPtr n = number_of(modulus);
  const NumberPtr e = number_of(exponent);
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_is_odd(n.get()) == 0 || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) {
    return nullptr;
  }
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return make_key("RSA", builder.get());
}

/// RFC 7518 §6.2.1. Null unless it is a point of P-256.
KeyPtr read_p256(const json& jwk) {
  const std::string x = bytes_of(jwk, "x", kCoordinate);
  const std::string y = bytes_of(jwk, "y", kCoordinate);
  if (text_of(jwk, "crv") != "P-256" || x.size() != kCoordinate || y.size() != kCoordinate) return nullptr;
  const std::string point = '\x04' + x + y;  // SEC 1 §2.3.3
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder) return nullptr;
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return make_key("EC", builder.get());
}

/// Whether the key may verify signatures (RFC 7517 §4.2, §4.3).
bool is_for_signatures(const json& jwk) {
  if (jwk.contains("use") && text_of(jwk, "use") != "sig") return false;
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return true;
  return operations->is_array() && std::ranges::find(*operations, json("verify")) != operations->end();
}

bool is_signed_by(EVP_PKEY* key, Algorithm algorithm, std::string_view data, const std::string& signature) {
  std::string der = signature;
  if (algorithm == Algorithm::kEs256) {  // r and s, 32 bytes each (RFC 7518 §3.4)
    if (signature.size() != 2 * kCoordinate) return false;
    const SignaturePtr pair(ECDSA_SIG_new());
    NumberPtr r = number_of(std::string_view(signature).substr(0, kCoordinate));
    NumberPtr s = number_of(std::string_view(signature).substr(kCoordinate));
    if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return false;
    (void)r.release();  // the pair's now
    (void)s.release();
    unsigned char* bytes = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &bytes);
    if (size <= 0) return false;
    der.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
  }
  const DigestPtr context(EVP_MD_CTX_new());
  const bool is_right = context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                        EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                                         reinterpret_cast<const unsigned char*>(data.data()), data.size()) == 1;
  ERR_clear_error();
  return is_right;
}

/// The JSON object of one part.
Result<json> read_part(std::string_view part, std::string_view what) {
  const Result<std::string> text = from_base64url(part);
  if (!text) return refused(fmt::format("has a {} that is no base64url", what));
  json out = json::parse(*text, nullptr, false);
  if (!out.is_object()) return refused(fmt::format("has a {} that is no JSON object", what));
  return out;
}

struct Header {
  Algorithm algorithm = Algorithm::kRs256;
  std::string key_id;  ///< empty: not named
};

Result<Header> read_header(std::string_view part) {
  YZ_TRY(const json object, read_part(part, "header"));
  const auto algorithm = parse_algorithm(text_of(object, "alg").value_or(""));
  if (!algorithm) return refused("is signed with an algorithm other than RS256 and ES256");
  if (object.contains("crit")) return refused("has critical extensions");  // RFC 7515 §4.1.11: we know none
  if (object.contains("typ") && !equals_ignoring_case(text_of(object, "typ").value_or("?"), "JWT")) {
    return refused("is another kind of token");  // RFC 8725 §3.11
  }
  Header out{*algorithm, {}};
  if (object.contains("kid")) {
    const auto key_id = text_of(object, "kid");
    if (!key_id || key_id->empty() || key_id->size() > kLongestName) return refused("has a key id that is none");
    out.key_id = *key_id;
  }
  return out;
}

/// `aud` and `azp` (Core §3.1.3.7, 3 to 5): for us, and given to us.
Status check_audience(const json& claims, const std::string& client_id) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return refused("is for nobody");
  bool is_for_others = false;
  if (audience->is_array()) {
    if (audience->size() > kMaxAudiences) return refused("is for too many");
    const auto is_us = [&](const json& one) {
      return one.is_string() && one.get_ref<const std::string&>() == client_id;
    };
    if (std::ranges::none_of(*audience, is_us)) return refused("is for somebody else");
    is_for_others = !std::ranges::all_of(*audience, is_us);
  } else if (!audience->is_string() || audience->get_ref<const std::string&>() != client_id) {
    return refused("is for somebody else");
  }
  if (!claims.contains("azp")) return is_for_others ? Status(refused("does not say whom it was given to")) : Status();
  if (text_of(claims, "azp") != client_id) return refused("was given to somebody else");
  return {};
}

/// Seconds since the epoch (RFC 7519 §2, NumericDate); none when it is no such number.
std::optional<double> time_of(const json& claims, const char* name) {
  const auto it = claims.find(name);
  if (it == claims.end() || !it->is_number()) return std::nullopt;
  const double value = it->get<double>();
  if (!std::isfinite(value) || value < 0 || value > kLatestTime) return std::nullopt;
  return value;
}

Status check_times(const json& claims, WallTime now) {
  const double at = static_cast<double>(now.time_since_epoch().count()) / 1000;
  const auto leeway = static_cast<double>(kLeeway.count());
  const auto expires = time_of(claims, "exp");
  const auto issued = time_of(claims, "iat");
  if (!expires || !issued) return refused("does not say when it was made and when it ends");
  if (*expires + leeway <= at) return refused("has expired");
  if (*issued - leeway > at) return refused("was made in the future");
  if (claims.contains("nbf")) {
    const auto begins = time_of(claims, "nbf");
    if (!begins || *begins - leeway > at) return refused("is not in force yet");
  }
  return {};
}

/// Address and name (Core §5.1).
void read_person(const json& claims, const std::string& email_claim, IdToken& out) {
  out.email = text_of(claims, email_claim.c_str()).value_or("");
  out.name = text_of(claims, "name").value_or("");
  if (out.email.size() > kLongestName) out.email.clear();
  if (out.name.size() > kLongestName) out.name.clear();
  const auto verified = claims.find("email_verified");
  out.email_verified = verified != claims.end() && verified->is_boolean() && verified->get<bool>();
}

Result<IdToken> read_claims(const json& claims, const Expectation& expected, WallTime now) {
  if (text_of(claims, "iss") != expected.issuer) return refused("is of another issuer");
  YZ_CHECK(check_audience(claims, expected.client_id));
  YZ_CHECK(check_times(claims, now));
  const std::string nonce = text_of(claims, "nonce").value_or("");
  if (nonce.empty() || !equal_in_constant_time(nonce, expected.nonce)) return refused("is the answer to another login");
  IdToken out;
  out.subject = text_of(claims, "sub").value_or("");
  if (out.subject.empty() || out.subject.size() > kLongestName) return refused("does not say who it is");
  read_person(claims, expected.email_claim, out);
  return out;
}

}  // namespace

struct KeySet::Key {
  std::string id;  ///< empty: not named
  Algorithm algorithm = Algorithm::kRs256;
  KeyPtr key;
};

KeySet::KeySet() : keys_(std::make_shared<const std::vector<Key>>()) {}
KeySet::KeySet(std::shared_ptr<const std::vector<Key>> keys) : keys_(std::move(keys)) {}

std::size_t KeySet::size() const { return keys_->size(); }

Result<KeySet> KeySet::read(std::string_view text) {
  const auto broken = [](std::string_view why) {
    return fail(Code::kCorrupt, fmt::format("the provider's keys are no JWK set: {}", why), Fault::kOrigin);
  };
  if (text.size() > kMaxText) return broken("too long");
  const json document = json::parse(text, nullptr, false);
  const auto list = document.is_object() ? document.find("keys") : document.end();
  if (!document.is_object() || list == document.end() || !list->is_array()) return broken("no array of keys");
  if (list->size() > kMaxKeys) return broken("too many keys");
  auto keys = std::make_shared<std::vector<Key>>();
  for (const json& jwk : *list) {
    if (!jwk.is_object() || !is_for_signatures(jwk)) continue;
    const std::string type = text_of(jwk, "kty").value_or("");
    Key key{text_of(jwk, "kid").value_or(""), type == "EC" ? Algorithm::kEs256 : Algorithm::kRs256, nullptr};
    if (key.id.size() > kLongestName) continue;
    if (jwk.contains("alg") && parse_algorithm(text_of(jwk, "alg").value_or("")) != key.algorithm) continue;
    if (type == "RSA") key.key = read_rsa(jwk);
    if (type == "EC") key.key = read_p256(jwk);
    if (key.key) keys->push_back(std::move(key));
  }
  return KeySet(std::move(keys));
}

Result<IdToken> verify(std::string_view token, const KeySet& keys, const Expectation& expected, WallTime now) {
  if (token.size() > kMaxIdToken) return refused("is too long");
  const std::vector<std::string_view> parts = split(token, '.');
  if (parts.size() != 3) return refused("is no signed token");
  YZ_TRY(const Header header, read_header(parts[0]));
  const Result<std::string> signature = from_base64url(parts[2]);
  if (!signature || signature->empty()) return refused("has a signature that is no base64url");

  const std::string_view signed_part = token.substr(0, parts[0].size() + 1 + parts[1].size());
  bool is_known = false;
  bool is_signed = false;
  for (const KeySet::Key& key : *keys.keys_) {
    if (key.algorithm != header.algorithm || (!header.key_id.empty() && key.id != header.key_id)) continue;
    is_known = true;
    is_signed = is_signed || is_signed_by(key.key.get(), key.algorithm, signed_part, *signature);
  }
  if (!is_known) {
    return fail(Code::kNotFound, "the ID token is signed with a key that the provider does not show", Fault::kOrigin);
  }
  if (!is_signed) return refused("has a wrong signature");
  YZ_TRY(const json claims, read_part(parts[1], "body"));
  return read_claims(claims, expected, now);
}

Result<IdToken> add_userinfo(IdToken person, std::string_view text, const std::string& email_claim) {
  const json claims = json::parse(text, nullptr, false);
  if (!claims.is_object()) {
    return fail(Code::kCorrupt, "the provider's user info is no JSON object", Fault::kOrigin);
  }
  if (text_of(claims, "sub") != person.subject) {
    return fail(Code::kPermission, "the provider's user info is about somebody else", Fault::kOrigin);
  }
  read_person(claims, email_claim, person);
  return person;
}

}  // namespace yz::oidc
