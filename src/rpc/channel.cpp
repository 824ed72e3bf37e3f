#include "rpc/channel.h"

#include <chrono>

#include "io/reactor.h"
#include "io/resolver.h"
#include "net/connect_any.h"
#include "rpc/address.h"
#include "rpc/link.h"

namespace yz::rpc {
namespace {

/// The next address is tried when one has not answered for so long (RFC 8305 §5).
constexpr std::chrono::milliseconds kStagger{250};

io::Task<Result<std::unique_ptr<net::TlsStream>>> secure(std::string control, std::vector<Endpoint> addresses,
                                                         net::TlsClientContext::Options options, bool verifies,
                                                         MonoTime deadline) {
  options.trusts_system = false;
  options.requires_tls13 = true;
  options.protocols = {kProtocol};
  YZ_CO_TRY(auto context, net::TlsClientContext::make(options));
  auto stream = co_await net::connect_any(std::move(addresses), kStagger, deadline);
  if (!stream) co_return fail(std::move(stream).error().with_context("connect to " + control));
  net::TlsServerName name{std::string(kControlName), verifies ? std::string(kControlName) : std::string(), verifies};
  auto secured = co_await net::connect_tls(*std::move(stream), std::move(context), std::move(name), deadline);
  if (!secured) {
    Error error = std::move(secured).error().with_context(control);
    // Cut off, or something else on the port: it may be control that is just starting. A certificate is judged for
    // good.
    if (error.code == Code::kInvalid) error = fail(Code::kUnavailable, std::move(error.message)).value();
    co_return fail(std::move(error));
  }
  co_return secured;
}

}  // namespace

Result<std::vector<Endpoint>> resolve_control(const std::string& control) {
  YZ_TRY(const HostPort where, HostPort::parse(control));
  auto addresses = io::resolve_blocking(where.host);
  if (!addresses) return fail(Code::kUnavailable, "resolve " + control + ": " + addresses.error().message);
  std::vector<Endpoint> out;
  for (const IpAddress& address : *addresses) out.push_back({address, where.port});
  return out;
}

io::Task<Result<std::unique_ptr<net::TlsStream>>> connect_control(std::string control, std::vector<Endpoint> addresses,
                                                                  std::string ca_pem, KeyPair own, MonoTime deadline) {
  net::TlsClientContext::Options options;
  options.ca_pem = ca_pem;
  if (!own.certificate_pem.empty()) {
    YZ_CO_TRY(options.certificate, net::TlsCertificate::load(own.certificate_pem, own.key_pem));
  }
  co_return co_await secure(std::move(control), std::move(addresses), std::move(options), true, deadline);
}

io::Task<Result<std::string>> fetch_ca(std::string control, std::vector<Endpoint> addresses, std::string fingerprint,
                                       MonoTime deadline) {
  YZ_CO_TRY(const auto stream, co_await secure(control, std::move(addresses), {}, false, deadline));
  const std::vector<std::string> chain = stream->peer_certificates();
  if (chain.empty()) co_return fail(Code::kPermission, control + " showed no certificate");
  YZ_CO_TRY(const std::string actual, certificate_fingerprint(chain.back()));
  if (fingerprint.empty() || !actual.starts_with(fingerprint)) {
    co_return fail(Code::kPermission, "the server at " + control + " is not of the cluster this join token is for");
  }
  co_return chain.back();
}

}  // namespace yz::rpc
