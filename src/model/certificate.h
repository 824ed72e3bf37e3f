#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"

namespace yz::model {

/// Who keeps a certificate up to date.
enum class CertificateSource : std::uint8_t {
  kUploaded,  ///< people, by uploading the next one
  kAcme,      ///< control, by ordering it at an authority
};

/// A server certificate with its key. JSON and logs never show the key; the binary codec carries it to nodes over mTLS.
struct Certificate {
  CertificateId id;
  TenantId tenant;
  std::string name;
  std::vector<std::string> names;  ///< DNS names it is valid for, "*.a.com" allowed
  std::string chain_pem;           ///< leaf first
  std::string key_pem;             ///< PKCS#8
  WallTime not_after;
  WallTime not_before;  ///< the epoch: not known
  CertificateSource source = CertificateSource::kUploaded;

  friend bool operator==(const Certificate&, const Certificate&) = default;
};

}  // namespace yz::model
