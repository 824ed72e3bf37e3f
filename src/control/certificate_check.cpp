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
#include "base/openssl.h"
#include "base/text.h"

namespace yz::control {
namespace {

using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

tl::unexpected<Problem> wrong(std::string pointer, std::string message) {
  ERR_clear_error();
  return tl::unexpected<Problem>(unprocessable(std::move(pointer), std::move(message)));
}

std::vector<X509Ptr> read_chain(const std::string& pem) {
  std::vector<X509Ptr> out;
  const BioPtr in = bio_over(pem);
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

}  // namespace

tl::expected<void, Problem> read_certificate(model::Certificate& certificate) {
  const std::vector<X509Ptr> chain = read_chain(certificate.chain_pem);
  if (chain.empty()) return wrong("/chain_pem", "expected PEM certificates, the leaf first");
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) != X509_V_OK) {
      return wrong("/chain_pem", "certificate " + std::to_string(i + 2) + " did not issue the one before it");
    }
  }
  const auto key = read_key(certificate.key_pem);
  if (!key) return wrong("/key_pem", "expected an unencrypted private key in PEM");
  X509* leaf = chain.front().get();
  if (X509_check_private_key(leaf, key->get()) != 1)
    return wrong("/key_pem", "is not the key of the first certificate");

  certificate.names = dns_names(leaf);
  if (certificate.names.empty()) return wrong("/chain_pem", "the first certificate has no DNS name (subjectAltName)");
  certificate.not_after = to_time(X509_get0_notAfter(leaf));
  certificate.not_before = to_time(X509_get0_notBefore(leaf));
  auto pkcs8 = write_key(key->get());
  if (!pkcs8) return wrong("/key_pem", pkcs8.error().message);
  certificate.key_pem = *std::move(pkcs8);
  if (certificate.name.empty()) certificate.name = certificate.names.front();
  return {};
}

}  // namespace yz::control
