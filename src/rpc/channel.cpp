#include "rpc/channel.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "base/openssl.h"
#include "rpc/grpc_status.h"

namespace yz::rpc {
namespace {

Result<std::pair<std::string, std::string>> split_host_port(const std::string& control) {
  const auto colon = control.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == control.size()) {
    return fail(Code::kInvalid, "'" + control + "' is not host:port");
  }
  std::string host = control.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return std::pair(host, control.substr(colon + 1));
}

Result<UniqueFd> connect_tcp(const std::string& control, std::chrono::milliseconds timeout) {
  YZ_TRY(const auto host_port, split_host_port(control));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host_port.first.c_str(), host_port.second.c_str(), &hints, &found); error != 0) {
    return fail(Code::kUnavailable, "resolve " + control + ": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, Freed<freeaddrinfo>> addresses(found);
  const timeval limit{static_cast<time_t>(timeout.count() / 1000),
                      static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
  int last_error = ECONNREFUSED;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    UniqueFd fd(::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
    if (!fd) continue;
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd.get(), a->ai_addr, a->ai_addrlen) == 0) return fd;
    last_error = errno;
  }
  return fail(Code::kUnavailable, "connect to " + control + ": " + std::strerror(last_error));
}

Result<std::string> to_pem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) return fail(Code::kInternal, "write certificate");
  return drain(bio.get());
}

}  // namespace

std::shared_ptr<grpc::Channel> make_channel(const std::string& control, const std::string& ca_pem,
                                            const KeyPair* client, grpc::ChannelArguments arguments) {
  set_up_grpc();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ca_pem;
  if (client != nullptr) {
    tls.pem_private_key = client->key_pem;
    tls.pem_cert_chain = client->certificate_pem;
  }
  arguments.SetSslTargetNameOverride(std::string(kControlName));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(control, grpc::SslCredentials(tls), arguments);
}

Result<std::string> fetch_ca(const std::string& control, const std::string& fingerprint,
                             std::chrono::milliseconds timeout) {
  YZ_TRY(const UniqueFd fd, connect_tcp(control, timeout));
  const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, Freed<SSL_free>> ssl(context ? SSL_new(context.get()) : nullptr);
  constexpr std::string_view kAlpn("\x02h2");
  if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1 ||
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(kAlpn.data()), kAlpn.size()) != 0 ||
      SSL_set_tlsext_host_name(ssl.get(), std::string(kControlName).c_str()) != 1) {
    return fail(Code::kInternal, "prepare TLS");
  }
  const int connected = SSL_connect(ssl.get());
  ERR_clear_error();
  if (connected != 1) return fail(Code::kUnavailable, control + " does not speak TLS");
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl.get());
  if (chain == nullptr || sk_X509_num(chain) < 1) return fail(Code::kPermission, control + " showed no certificate");
  YZ_TRY(std::string ca_pem, to_pem(sk_X509_value(chain, sk_X509_num(chain) - 1)));
  YZ_TRY(const std::string actual, certificate_fingerprint(ca_pem));
  if (fingerprint.empty() || !actual.starts_with(fingerprint)) {
    return fail(Code::kPermission, "the server at " + control + " is not of the cluster this join token is for");
  }
  return ca_pem;
}

}  // namespace yz::rpc
