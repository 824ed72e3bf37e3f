#pragma once

#include <string_view>

#include "cache/purge_record.h"
#include "model/config_snapshot.h"
#include "model/purge.h"

namespace yz::edge {

/// A purge in the cache's terms. `host` is the domain's canonical name; a URL's key goes through the domain's key rule,
/// so that it hits what a viewer's request of that URL would be answered from. Its seq and is_hard are the caller's to
/// set.
[[nodiscard]] cache::PurgeRecord purge_of(model::PurgeKind kind, std::string_view host, std::string_view key,
                                          const model::KeyRule& rule);

/// A record of control's. One that names a domain not in `snapshot` (or null) hits nothing, for nothing of it is
/// stored, but takes its place in the numbers.
[[nodiscard]] cache::PurgeRecord translate(const model::PurgeRecord& record, const model::ConfigSnapshot* snapshot);

}  // namespace yz::edge
