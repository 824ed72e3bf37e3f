#include "rpc/ca.h"

#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "base/openssl.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::rpc {
namespace {

using RequestPtr = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

constexpr std::string_view kUriPrefix = "yizhan://node/";
constexpr std::size_t kSecretDigits = 48;
constexpr std::size_t kFingerprintDigits = 32;
constexpr std::chrono::minutes kClockSkew{10};  // certificates begin this much early: nodes' clocks differ
constexpr std::chrono::hours kCaLifetime{24 * 3650};

Result<X509Ptr> read_certificate(std::string_view pem) {
  const BioPtr bio = bio_over(pem);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!certificate) return fail(Code::kInvalid, "not a PEM certificate");
  return certificate;
}

Result<std::string> write_certificate(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) return openssl_failure("write certificate");
  return drain(bio.get());
}

Result<KeyPtr> make_key() {
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("make a P-256 key");
  return key;
}

bool set_times(X509* certificate, WallTime now, std::chrono::hours lifetime) {
  const auto seconds = [](WallTime t) {
    return static_cast<std::time_t>(std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count());
  };
  return ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(now - kClockSkew)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(now + lifetime)) != nullptr;
}

bool set_serial(X509* certificate) {
  std::string bytes = secret_bytes(16);
  bytes[0] = static_cast<char>(bytes[0] & 0x7f);  // positive (RFC 5280 §4.1.2.2)
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_common_name(X509_NAME* name, std::string_view text) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct Extension {
  int nid;
  std::string value;
};

/// A certificate over `key`, signed by (issuer, issuer_key); self-signed when `issuer` is null.
Result<std::string> issue(EVP_PKEY* key, std::string_view common_name, X509* issuer, EVP_PKEY* issuer_key, WallTime now,
                          std::chrono::hours lifetime, const std::vector<Extension>& extensions) {
  const X509Ptr certificate(X509_new());
  X509* c = certificate.get();
  if (c == nullptr || X509_set_version(c, X509_VERSION_3) != 1 || !set_serial(c) || !set_times(c, now, lifetime) ||
      !set_common_name(X509_get_subject_name(c), common_name) ||
      X509_set_issuer_name(c, X509_get_subject_name(issuer != nullptr ? issuer : c)) != 1 ||
      X509_set_pubkey(c, key) != 1) {
    return openssl_failure("fill certificate");
  }
  for (const Extension& extension : extensions) {
    if (!add_extension(c, issuer != nullptr ? issuer : c, extension.nid, extension.value)) {
      return openssl_failure("add certificate extension");
    }
  }
  if (X509_sign(c, issuer_key, EVP_sha256()) == 0) return openssl_failure("sign certificate");
  return write_certificate(c);
}

struct Issuer {
  X509Ptr certificate;
  KeyPtr key;
};
Result<Issuer> read_issuer(const KeyPair& ca) {
  YZ_TRY(X509Ptr certificate, read_certificate(ca.certificate_pem));
  YZ_TRY(KeyPtr key, read_key(ca.key_pem));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::kConflict, "the CA's key does not belong to its certificate");
  }
  return Issuer{std::move(certificate), std::move(key)};
}

Result<WallTime> to_wall(const ASN1_TIME* time) {
  std::tm broken{};
  if (ASN1_TIME_to_tm(time, &broken) != 1) return openssl_failure("read certificate time");
  return WallTime(std::chrono::seconds(timegm(&broken)));
}

Result<std::string> fingerprint_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return openssl_failure("encode certificate");
  const std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return to_hex(sha256(bytes));
}

bool is_lower_hex(std::string_view text) {
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace

Result<KeyPair> make_ca(std::string_view common_name, WallTime now) {
  YZ_TRY(const KeyPtr key, make_key());
  YZ_TRY(std::string certificate, issue(key.get(), common_name, nullptr, key.get(), now, kCaLifetime,
                                        {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                         {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                         {NID_subject_key_identifier, "hash"}}));
  YZ_TRY(std::string key_pem, write_key(key.get()));
  return KeyPair{std::move(key_pem), std::move(certificate)};
}

Result<KeyPair> make_server_certificate(const KeyPair& ca, WallTime now, std::chrono::hours lifetime) {
  YZ_TRY(const Issuer issuer, read_issuer(ca));
  YZ_TRY(const KeyPtr key, make_key());
  YZ_TRY(std::string leaf, issue(key.get(), kControlName, issuer.certificate.get(), issuer.key.get(), now, lifetime,
                                 {{NID_basic_constraints, "critical,CA:FALSE"},
                                  {NID_key_usage, "critical,digitalSignature"},
                                  {NID_ext_key_usage, "serverAuth"},
                                  {NID_subject_alt_name, "DNS:" + std::string(kControlName) + ",URI:yizhan://control"},
                                  {NID_authority_key_identifier, "keyid"}}));
  YZ_TRY(std::string key_pem, write_key(key.get()));
  return KeyPair{std::move(key_pem), leaf + ca.certificate_pem};
}

Result<KeyAndRequest> make_key_and_request() {
  YZ_TRY(const KeyPtr key, make_key());
  const RequestPtr request(X509_REQ_new());
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !set_common_name(X509_REQ_get_subject_name(request.get()), "yizhan node") ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return openssl_failure("make certificate request");
  }
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) return openssl_failure("write certificate request");
  YZ_TRY(std::string key_pem, write_key(key.get()));
  return KeyAndRequest{std::move(key_pem), drain(bio.get())};
}

Result<std::string> sign_request(const KeyPair& ca, std::string_view request_pem, model::NodeId node, WallTime now,
                                 std::chrono::hours lifetime, CertificateUse use) {
  const BioPtr bio = bio_over(request_pem);
  const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!request) return fail(Code::kInvalid, "not a PEM certificate request", Fault::kClient);
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  char group[32] = {};
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1 || std::string_view(group) != "prime256v1") {
    ERR_clear_error();
    return fail(Code::kInvalid, "the certificate request's key is not ECDSA P-256", Fault::kClient);
  }
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "the certificate request is not signed by its own key", Fault::kClient);
  }
  YZ_TRY(const Issuer issuer, read_issuer(ca));
  const bool is_relay = use == CertificateUse::kRelay;
  return issue(key, "node " + to_string(node), issuer.certificate.get(), issuer.key.get(), now, lifetime,
               {{NID_basic_constraints, "critical,CA:FALSE"},
                {NID_key_usage, "critical,digitalSignature"},
                {NID_ext_key_usage, is_relay ? "clientAuth,serverAuth" : "clientAuth"},
                {NID_subject_alt_name, "URI:" + std::string(kUriPrefix) + to_string(node) +
                                           (is_relay ? ",DNS:" + std::string(kControlName) : std::string())},
                {NID_authority_key_identifier, "keyid"}});
}

Result<PeerIdentity> identity_of(std::string_view certificate_pem) {
  YZ_TRY(const X509Ptr certificate, read_certificate(certificate_pem));
  PeerIdentity identity;
  YZ_TRY(identity.not_before, to_wall(X509_get0_notBefore(certificate.get())));
  YZ_TRY(identity.not_after, to_wall(X509_get0_notAfter(certificate.get())));
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI && name->type != GEN_DNS) continue;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.ia5)),
                                static_cast<std::size_t>(ASN1_STRING_length(name->d.ia5)));
    if (name->type == GEN_DNS) {
      identity.is_relay = identity.is_relay || text == kControlName;
    } else if (text.starts_with(kUriPrefix)) {
      identity.node = model::NodeId{parse_u64(text.substr(kUriPrefix.size())).value_or(0)};
    }
  }
  if (identity.node) return identity;
  return fail(Code::kPermission, "the certificate names no node of Yizhan");
}

Status verify_pair(const KeyPair& pair, std::string_view ca_pem) {
  YZ_TRY(const X509Ptr certificate, read_certificate(pair.certificate_pem));
  YZ_TRY(const X509Ptr ca, read_certificate(ca_pem));
  YZ_TRY(const KeyPtr key, read_key(pair.key_pem));
  const bool own_key = X509_check_private_key(certificate.get(), key.get()) == 1;
  const bool signed_by_ca = X509_verify(certificate.get(), X509_get0_pubkey(ca.get())) == 1;
  ERR_clear_error();
  if (!own_key) return fail(Code::kConflict, "the key does not belong to the certificate");
  if (!signed_by_ca) return fail(Code::kConflict, "the certificate is not from this CA");
  return {};
}

Result<std::string> certificate_fingerprint(std::string_view certificate_pem) {
  YZ_TRY(const X509Ptr certificate, read_certificate(certificate_pem));
  return fingerprint_of(certificate.get());
}

Result<JoinToken> make_join_token(std::string_view ca_pem) {
  YZ_TRY(const std::string fingerprint, certificate_fingerprint(ca_pem));
  JoinToken token;
  token.secret = to_hex(secret_bytes(kSecretDigits / 2));
  token.ca_fingerprint = fingerprint.substr(0, kFingerprintDigits);
  token.text = "yzj-" + token.secret + "-" + token.ca_fingerprint;
  return token;
}

Result<JoinToken> parse_join_token(std::string_view text) {
  const auto parts = split(trim(text), '-');
  if (parts.size() != 3 || parts[0] != "yzj" || parts[1].size() != kSecretDigits ||
      parts[2].size() != kFingerprintDigits || !is_lower_hex(parts[1]) || !is_lower_hex(parts[2])) {
    return fail(Code::kInvalid, "not a join token: expected yzj-<48 hex digits>-<32 hex digits>", Fault::kClient);
  }
  return JoinToken{std::string(trim(text)), std::string(parts[1]), std::string(parts[2])};
}

}  // namespace yz::rpc
