#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/config_snapshot.h"
#include "net/tls_certificate.h"

namespace yz::edge {

/// Certificates that the edge's own settings give it, shown for names that have none. Best first.
using OwnCertificates = std::vector<std::shared_ptr<const net::TlsCertificate>>;

/// Who the edge shows itself as, by host. Immutable once built, swapped with the configuration it belongs to; any
/// thread. Building looks at names only: keys and chains are read in the first handshake that needs them, and what was
/// read is taken over by the next store.
class CertificateStore {
 public:
  /// For an edge that runs alone.
  explicit CertificateStore(OwnCertificates own);
  /// Of a configuration. A domain shows the certificate it names; else those of its tenant that are valid for the host,
  /// exact names before wildcards (RFC 6125 §6.4.3), the one that lasts longest first; else the edge's own.
  /// Certificates that `before` has too are the same objects in both.
  CertificateStore(const model::ConfigSnapshot& snapshot, OwnCertificates own, const CertificateStore* before);

  /// Null when no certificate would do: the handshake is refused. Lives as long as the store. No allocation.
  [[nodiscard]] const net::TlsIdentity* find(std::string_view lower_host) const;
  [[nodiscard]] std::size_t host_count() const { return hosts_.size(); }
  /// Every certificate it holds.
  void for_each(const std::function<void(const std::shared_ptr<const net::TlsCertificate>&)>& visit) const;

 private:
  struct Held {
    std::shared_ptr<const model::Certificate> record;
    std::shared_ptr<const net::TlsCertificate> certificate;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  class NameIndex;

  void hold(const model::ConfigSnapshot& snapshot, const CertificateStore* before);
  void add_host(const std::string& host, const model::Domain& domain, const NameIndex& names);

  std::unordered_map<std::string, net::TlsIdentity, Hash, std::equal_to<>> hosts_;
  std::map<model::CertificateId, Held> held_;
  net::TlsIdentity own_;
};

}  // namespace yz::edge
