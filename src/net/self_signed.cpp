#include "net/self_signed.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/openssl.h"

namespace yz::net {

namespace {

constexpr long kBackdated = 3600;  // seconds, for clocks that are behind
constexpr std::size_t kMaxCommonName = 64;

template <typename Write>
std::string pem_of(Write write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Result<SelfSigned> make_self_signed(const std::string& alt_names, std::chrono::hours life, KeyKind kind) {
  const KeyPtr key(kind == KeyKind::kEcdsa ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048));
  const X509Ptr certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, X509_VERSION_3);
  std::int64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(x), serial & INT64_MAX);
  X509_gmtime_adj(X509_getm_notBefore(x), -kBackdated);
  X509_gmtime_adj(X509_getm_notAfter(x), std::chrono::duration_cast<std::chrono::seconds>(life).count());
  X509_set_pubkey(x, key.get());
  const std::string common_name = alt_names.substr(0, kMaxCommonName);
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(x, name);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alt_names.c_str());
  if (extension == nullptr) return fail(Code::kInvalid, "names of a certificate: " + take_openssl_error());
  X509_add_ext(x, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(x, key.get(), EVP_sha256());
  return SelfSigned{pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, x); }), pem_of([&](BIO* bio) {
                      PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                    })};
}

}  // namespace yz::net
