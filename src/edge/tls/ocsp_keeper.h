#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "edge/tls/certificate_store.h"
#include "edge/tls/ocsp_policy.h"
#include "io/resolver.h"
#include "io/scope.h"
#include "io/task.h"
#include "net/http_client.h"

namespace yz::edge {

/// Keeps the OCSP responses of the certificates in use (RFC 6960): asks each one's responder over HTTP, verifies, and
/// leaves the answer beside the certificate for handshakes to staple. Never on a handshake's way: until there is an
/// answer, and after its time is over, nothing is stapled. Belongs to one reactor's thread.
class OcspKeeper {
 public:
  OcspKeeper(net::HttpClient& client, io::Resolver& resolver, OcspPolicy policy)
      : client_(client), resolver_(resolver), policy_(policy) {}

  /// Looks every second at the certificates of `current()` that handshakes have used. Runs until it is destroyed.
  [[nodiscard]] io::Task<void> run(std::function<std::shared_ptr<const CertificateStore>()> current);

 private:
  struct Entry {
    std::shared_ptr<const net::TlsCertificate> certificate;
    MonoTime due{};
    std::uint32_t failures = 0;
    bool is_asked = false;
    bool is_seen = false;  // in the store, as of the last look
  };
  void look(const CertificateStore& store, MonoTime now);
  [[nodiscard]] io::Task<void> refresh(std::shared_ptr<Entry> entry);
  [[nodiscard]] io::Task<Result<std::string>> ask(std::string url, std::string request);

  net::HttpClient& client_;
  io::Resolver& resolver_;
  const OcspPolicy policy_;
  std::size_t under_way_ = 0;
  std::map<const net::TlsCertificate*, std::shared_ptr<Entry>> entries_;  // shared with refresh() under way
  io::TaskScope asking_;
};

}  // namespace yz::edge
