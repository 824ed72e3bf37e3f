#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"

namespace yz::model {

/// A server certificate with its key. JSON and logs never show the key; the binary codec carries it to nodes over mTLS.
struct Certificate {
  CertificateId id;
  TenantId tenant;
  std::string name;
  std::vector<std::string> names;  ///< DNS names it is valid for, "*.a.com" allowed
  std::string chain_pem;           ///< leaf first
  std::string key_pem;             ///< PKCS#8
  WallTime not_after;

  friend bool operator==(const Certificate&, const Certificate&) = default;
};

}  // namespace yz::model
