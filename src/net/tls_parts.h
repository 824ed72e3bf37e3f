#pragma once

#include "net/openssl.h"
#include "net/tls_certificate.h"

namespace yz::net {

/// A certificate as OpenSSL has it. Immutable.
struct TlsCertificate::Parts {
  X509Ptr leaf;
  KeyPtr key;
  ChainPtr chain;  ///< the certificates after the leaf
};

}  // namespace yz::net
