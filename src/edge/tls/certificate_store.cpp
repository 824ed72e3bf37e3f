#include "edge/tls/certificate_store.h"

#include <algorithm>

namespace yz::edge {
namespace {

/// Certificates considered for one host: two kinds of key, each with one that is being replaced.
constexpr std::size_t kMostOfAHost = 4;

net::TlsVersion version_of(model::TlsVersion version) {
  return version == model::TlsVersion::kTls13 ? net::TlsVersion::kTls13 : net::TlsVersion::kTls12;
}

}  // namespace

/// (tenant, name) → records, those that last longest first.
class CertificateStore::NameIndex {
 public:
  explicit NameIndex(const model::ConfigSnapshot& snapshot) {
    for (const auto& [id, entry] : snapshot.certificates) {
      for (const std::string& name : entry.value->names)
        records_[key(entry.value->tenant, name)].push_back(entry.value.get());
    }
    for (auto& [name, records] : records_) {
      std::sort(records.begin(), records.end(), [](const auto* a, const auto* b) {
        return a->not_after != b->not_after ? a->not_after > b->not_after : a->id < b->id;
      });
    }
  }

  /// Those for the host itself, then those for "*." and its parent.
  [[nodiscard]] std::vector<const model::Certificate*> find(model::TenantId tenant, const std::string& host) const {
    std::vector<const model::Certificate*> out = under(tenant, host);
    const auto dot = host.find('.');
    if (dot == std::string::npos) return out;
    const auto wild = under(tenant, "*" + host.substr(dot));
    out.insert(out.end(), wild.begin(), wild.end());
    return out;
  }

 private:
  static std::string key(model::TenantId tenant, const std::string& name) {
    return std::to_string(tenant.value) + "/" + name;
  }
  [[nodiscard]] std::vector<const model::Certificate*> under(model::TenantId tenant, const std::string& name) const {
    const auto it = records_.find(key(tenant, name));
    return it == records_.end() ? std::vector<const model::Certificate*>() : it->second;
  }
  std::unordered_map<std::string, std::vector<const model::Certificate*>> records_;
};

CertificateStore::CertificateStore(OwnCertificates own) : own_{std::move(own), net::TlsVersion::kTls12} {}

CertificateStore::CertificateStore(const model::ConfigSnapshot& snapshot, OwnCertificates own,
                                   const CertificateStore* before)
    : CertificateStore(std::move(own)) {
  hold(snapshot, before);
  const NameIndex names(snapshot);
  for (const auto& [id, entry] : snapshot.domains) {
    const model::Domain& domain = *entry.value;
    if (!domain.enabled) continue;
    add_host(domain.name, domain, names);
    for (const std::string& alias : domain.aliases) add_host(alias, domain, names);
    if (!snapshot.settings.cdn_zone.empty()) {
      add_host(model::cname_target(domain, snapshot.settings.cdn_zone), domain, names);
    }
  }
}

void CertificateStore::hold(const model::ConfigSnapshot& snapshot, const CertificateStore* before) {
  for (const auto& [id, entry] : snapshot.certificates) {
    const auto& record = entry.value;
    if (before != nullptr) {
      const auto was = before->held_.find(id);
      const bool is_same = was != before->held_.end() &&
                           (was->second.record == record || (was->second.record->chain_pem == record->chain_pem &&
                                                             was->second.record->key_pem == record->key_pem));
      if (is_same) {
        held_.emplace(id, was->second);
        continue;
      }
    }
    held_.emplace(id, Held{record, net::TlsCertificate::lazily(record, record->chain_pem, record->key_pem)});
  }
}

void CertificateStore::add_host(const std::string& host, const model::Domain& domain, const NameIndex& names) {
  net::TlsIdentity identity;
  identity.min_version = version_of(domain.https.min_tls);
  if (domain.certificate) {
    const auto named = held_.find(domain.certificate);
    if (named != held_.end()) identity.certificates.push_back(named->second.certificate);
  } else {
    for (const model::Certificate* record : names.find(domain.tenant, host)) {
      if (identity.certificates.size() == kMostOfAHost) break;
      identity.certificates.push_back(held_.at(record->id).certificate);
    }
  }
  if (identity.certificates.empty()) identity.certificates = own_.certificates;
  if (!identity.certificates.empty()) hosts_.emplace(host, std::move(identity));
}

const net::TlsIdentity* CertificateStore::find(std::string_view lower_host) const {
  const auto it = hosts_.find(lower_host);
  if (it != hosts_.end()) return &it->second;
  return own_.certificates.empty() ? nullptr : &own_;
}

void CertificateStore::for_each(
    const std::function<void(const std::shared_ptr<const net::TlsCertificate>&)>& visit) const {
  for (const auto& certificate : own_.certificates) visit(certificate);
  for (const auto& [id, held] : held_) visit(held.certificate);
}

}  // namespace yz::edge
