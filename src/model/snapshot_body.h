#pragma once

#include <string>

#include "model/config_snapshot.h"

namespace yz::model {

/// The canonical encoding of a snapshot without frame: what `encode` frames and `content_hash` hashes.
[[nodiscard]] std::string snapshot_body(const ConfigSnapshot& snapshot);

}  // namespace yz::model
