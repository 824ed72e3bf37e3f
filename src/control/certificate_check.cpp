#include "control/certificate_check.h"

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/ip.h"
#include "base/text.h"

namespace yz::control {
namespace {

template <auto Free>
struct Release {
  template <typename T>
  void operator()(T* held) const {
    Free(held);
  }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Release<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Release<GENERAL_NAMES_free>>;

tl::unexpected<Problem> wrong(std::string pointer, std::string message) {
  ERR_clear_error();
  return tl::unexpected<Problem>(unprocessable(std::move(pointer), std::move(message)));
}

Bio reader(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

/// A protected key must not make the program ask on its terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

std::vector<X509Ptr> read_chain(const std::string& pem) {
  std::vector<X509Ptr> out;
  const Bio in = reader(pem);
  while (X509* next = PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr)) out.emplace_back(next);
  ERR_clear_error();
  return out;
}

std::vector<std::string> dns_names(X509* leaf) {
  std::vector<std::string> out;
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->d.dNSName;
    out.push_back(to_lower(std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                            static_cast<std::size_t>(ASN1_STRING_length(text)))));
  }
  return out;
}

WallTime to_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::string to_pkcs8(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

tl::expected<void, Problem> read_certificate(model::Certificate& certificate) {
  const std::vector<X509Ptr> chain = read_chain(certificate.chain_pem);
  if (chain.empty()) return wrong("/chain_pem", "expected PEM certificates, the leaf first");
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) != X509_V_OK) {
      return wrong("/chain_pem", "certificate " + std::to_string(i + 2) + " did not issue the one before it");
    }
  }
  const Bio in = reader(certificate.key_pem);
  const Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (!key) return wrong("/key_pem", "expected an unencrypted private key in PEM");
  X509* leaf = chain.front().get();
  if (X509_check_private_key(leaf, key.get()) != 1) return wrong("/key_pem", "is not the key of the first certificate");

  certificate.names = dns_names(leaf);
  if (certificate.names.empty()) return wrong("/chain_pem", "the first certificate has no DNS name (subjectAltName)");
  certificate.not_after = to_time(X509_get0_notAfter(leaf));
  certificate.not_before = to_time(X509_get0_notBefore(leaf));
  certificate.key_pem = to_pkcs8(key.get());
  if (certificate.name.empty()) certificate.name = certificate.names.front();
  return {};
}

}  // namespace yz::control
