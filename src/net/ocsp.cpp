#include "net/ocsp.h"

#include <ctime>
#include <memory>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "net/tls_parts.h"

namespace yz::net {

namespace {

using RequestPtr = std::unique_ptr<OCSP_REQUEST, Freed<OCSP_REQUEST_free>>;
using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP_free>>;
using IdPtr = std::unique_ptr<OCSP_CERTID, Freed<OCSP_CERTID_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;

constexpr long kClockSkew = 300;  // seconds
constexpr auto kLifeUnnamed = std::chrono::hours(1);

X509* issuer_of(const TlsCertificate::Parts& parts) {
  for (int i = 0; i < sk_X509_num(parts.chain.get()); ++i) {
    X509* candidate = sk_X509_value(parts.chain.get(), i);
    if (X509_check_issued(candidate, parts.leaf.get()) == X509_V_OK) return candidate;
  }
  return nullptr;
}

WallTime to_wall(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

tl::unexpected<Error> refused(std::string_view why) {
  return fail(Code::kInvalid, "OCSP response: " + std::string(why) + " (" + take_openssl_error() + ")");
}

}  // namespace

std::optional<OcspQuestion> ocsp_question(const TlsCertificate& certificate) {
  const auto* parts = certificate.parts();
  X509* issuer = parts == nullptr ? nullptr : issuer_of(*parts);
  if (issuer == nullptr) return std::nullopt;
  STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(parts->leaf.get());
  if (urls == nullptr) return std::nullopt;
  OcspQuestion question;
  if (sk_OPENSSL_STRING_num(urls) > 0) question.url = sk_OPENSSL_STRING_value(urls, 0);
  X509_email_free(urls);
  const RequestPtr request(OCSP_REQUEST_new());
  OCSP_request_add0_id(request.get(), OCSP_cert_to_id(EVP_sha1(), parts->leaf.get(), issuer));
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &der);
  if (question.url.empty() || size <= 0) return std::nullopt;
  question.request.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return question;
}

Result<OcspAnswer> check_ocsp_response(const TlsCertificate& certificate, std::string_view response, WallTime now) {
  ERR_clear_error();
  const auto* parts = certificate.parts();
  X509* issuer = parts == nullptr ? nullptr : issuer_of(*parts);
  if (issuer == nullptr) return refused("the chain does not hold the issuer");
  const auto* at = reinterpret_cast<const unsigned char*>(response.data());
  const ResponsePtr whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
  if (!whole) return refused("is malformed");
  if (const int status = OCSP_response_status(whole.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return refused(OCSP_response_status_str(status));
  }
  const BasicPtr basic(OCSP_response_get1_basic(whole.get()));
  if (!basic) return refused("is of an unknown type");
  const StorePtr trusted(X509_STORE_new());
  X509_STORE_add_cert(trusted.get(), issuer);
  X509_STORE_set_flags(trusted.get(), X509_V_FLAG_PARTIAL_CHAIN);
  if (OCSP_basic_verify(basic.get(), parts->chain.get(), trusted.get(), 0) != 1)
    return refused("is not signed rightly");

  const IdPtr id(OCSP_cert_to_id(EVP_sha1(), parts->leaf.get(), issuer));
  int status = V_OCSP_CERTSTATUS_UNKNOWN;
  ASN1_GENERALIZEDTIME* produced = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  if (OCSP_resp_find_status(basic.get(), id.get(), &status, nullptr, nullptr, &produced, &until) != 1) {
    return refused("is about another certificate");
  }
  if (status == V_OCSP_CERTSTATUS_REVOKED) return fail(Code::kPermission, "the certificate was revoked");
  if (status != V_OCSP_CERTSTATUS_GOOD) return refused("the responder does not know the certificate");
  if (OCSP_check_validity(produced, until, kClockSkew, -1) != 1) return refused("is too old or not valid yet");
  return OcspAnswer{to_wall(produced), until == nullptr ? now + kLifeUnnamed : to_wall(until)};
}

}  // namespace yz::net
