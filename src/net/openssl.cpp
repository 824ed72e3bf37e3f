#include "net/openssl.h"

#include <array>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/result.h"

namespace yz::net {

std::string take_openssl_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "connection closed";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

BioPtr memory_bio(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

SSL_CTX* make_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  YZ_ASSERT(context != nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // resumption is by tickets
  SSL_CTX_set_read_ahead(context, 1);                           // one system call a record instead of two
  return context;
}

Status trust(SSL_CTX* context, std::string_view ca_pem) {
  bool has_any = false;
  const BioPtr bio = memory_bio(ca_pem);
  while (X509* read = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    const X509Ptr certificate(read);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
    has_any = true;
  }
  ERR_clear_error();  // the end of the text counts as an error
  if (!has_any) return fail(Code::kInvalid, "no certificate in the PEM text of trusted authorities");
  return {};
}

std::string alpn_list(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) {
    list += static_cast<char>(protocol.size());
    list += protocol;
  }
  return list;
}

}  // namespace yz::net
