#include "acme/certificate_request.h"

#include <array>
#include <ctime>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/openssl.h"
#include "base/text.h"

namespace yz::acme {
namespace {

using RequestPtr = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using KeyIdPtr = std::unique_ptr<AUTHORITY_KEYID, Freed<AUTHORITY_KEYID_free>>;

inline void free_extensions(STACK_OF(X509_EXTENSION) * list) { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }
using ExtensionsPtr = std::unique_ptr<STACK_OF(X509_EXTENSION), Freed<free_extensions>>;

constexpr int kRsaBits = 2048;

/// The names as one subjectAltName extension. They are host names: nothing in them is special to OpenSSL's syntax.
ExtensionsPtr alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "DNS:" : ",DNS:") + name;
  ExtensionsPtr list(sk_X509_EXTENSION_new_null());
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, text.c_str());
  if (extension == nullptr) return nullptr;
  sk_X509_EXTENSION_push(list.get(), extension);
  return list;
}

std::string common_name(const X509_NAME* name) {
  std::array<char, 256> text{};
  const int size = X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), static_cast<int>(text.size()));
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

WallTime to_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

/// The serial's content octets in DER are those of a positive INTEGER: a zero byte in front when the top bit is set.
std::string serial_bytes(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(serial, &der);
  if (size < 2) return {};
  std::string out(reinterpret_cast<const char*>(der) + 2, static_cast<std::size_t>(size) - 2);  // short form: < 128
  OPENSSL_free(der);
  return out;
}

std::string ari_id(X509* certificate) {
  const KeyIdPtr issuer(
      static_cast<AUTHORITY_KEYID*>(X509_get_ext_d2i(certificate, NID_authority_key_identifier, nullptr, nullptr)));
  if (!issuer || issuer->keyid == nullptr) return {};
  const std::string_view id(reinterpret_cast<const char*>(ASN1_STRING_get0_data(issuer->keyid)),
                            static_cast<std::size_t>(ASN1_STRING_length(issuer->keyid)));
  return to_base64url(id) + '.' + to_base64url(serial_bytes(certificate));
}

std::string to_der(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

Result<std::string> make_certificate_key(CertificateKeyKind kind) {
  const KeyPtr key(kind == CertificateKeyKind::kRsa2048 ? EVP_RSA_gen(kRsaBits) : EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("making a private key");
  return write_key(key.get());
}

Result<std::string> make_certificate_request(std::string_view key_pem, const std::vector<std::string>& names) {
  YZ_TRY(const KeyPtr key, read_key(key_pem));
  const RequestPtr request(X509_REQ_new());
  const ExtensionsPtr extensions = alternative_names(names);
  if (!extensions || X509_REQ_set_version(request.get(), 0) != 1 ||
      X509_REQ_add_extensions(request.get(), extensions.get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return openssl_failure("making a certificate signing request");
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  if (size <= 0) return openssl_failure("writing a certificate signing request");
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

Result<LeafFacts> read_leaf(std::string_view chain_pem) {
  const BioPtr in = bio_over(chain_pem);
  const X509Ptr leaf(PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr));
  X509Ptr last;
  while (X509* next = leaf ? PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr) : nullptr) last.reset(next);
  ERR_clear_error();
  if (!leaf) return fail(Code::kInvalid, "no certificate in PEM");
  const X509* end = last ? last.get() : leaf.get();
  return LeafFacts{.der = to_der(leaf.get()),
                   .ari_id = ari_id(leaf.get()),
                   .issuer = common_name(X509_get_issuer_name(leaf.get())),
                   .root = common_name(X509_get_issuer_name(end)),
                   .not_before = to_time(X509_get0_notBefore(leaf.get())),
                   .not_after = to_time(X509_get0_notAfter(leaf.get()))};
}

}  // namespace yz::acme
