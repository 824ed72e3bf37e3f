#pragma once

#include "control/problem.h"
#include "model/certificate.h"

namespace yz::control {

/// Fills `names`, `not_after` (and `name`, when empty) from the leaf of `chain_pem`, after checking that the chain
/// parses, holds together, and that `key_pem` is the leaf's key. The key is kept as PKCS#8. 422 by field otherwise.
[[nodiscard]] tl::expected<void, Problem> read_certificate(model::Certificate& certificate);

}  // namespace yz::control
