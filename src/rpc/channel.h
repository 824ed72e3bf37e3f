#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "io/task.h"
#include "net/tls.h"
#include "rpc/ca.h"

// How a node reaches control. Included by this room's sources only.

namespace yz::rpc {

/// The addresses of "host:port". Blocks unless the host is an address. Fails with kInvalid, kUnavailable.
[[nodiscard]] Result<std::vector<Endpoint>> resolve_control(const std::string& control);

/// Connects to the first of `addresses` that answers and proves to be control by a certificate of `ca_pem`; shows
/// `own`, if it is not empty. `control` is what errors call it. Fails with kUnavailable, kTimeout, kPermission.
[[nodiscard]] io::Task<Result<std::unique_ptr<net::TlsStream>>> connect_control(std::string control,
                                                                                std::vector<Endpoint> addresses,
                                                                                std::string ca_pem, KeyPair own,
                                                                                MonoTime deadline);

/// The CA that the server at `addresses` presents, PEM, if its fingerprint begins with `fingerprint`. Fails with
/// kPermission when it is another.
[[nodiscard]] io::Task<Result<std::string>> fetch_ca(std::string control, std::vector<Endpoint> addresses,
                                                     std::string fingerprint, MonoTime deadline);

}  // namespace yz::rpc
