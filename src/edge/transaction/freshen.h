#pragma once

#include "cache/cache.h"
#include "edge/transaction/caching_decision.h"
#include "edge/transaction/transaction.h"
#include "http/header_map.h"
#include "http/message.h"

namespace yz::edge {

/// A stored response under new fields, its body shared: what a 304 makes of it (RFC 9111 §4.3.4). `fields` are merged
/// already. Null when no memory is left for them.
[[nodiscard]] cache::Ref<cache::Object> freshened(cache::Cache& store, const cache::Object& seen, http::Fields fields,
                                                  const CachingDecision& decided, WallTime asked_at, cache::Seq born,
                                                  std::string_view via);

/// RFC 9111 §4.3.5: the 200 to this request, a HEAD, renews what is stored for GET where its validators and length
/// agree, and makes it invalid where they do not.
void freshen_by_head(Transaction& tx, const http::ResponseHead& head, WallTime asked_at, cache::Seq born);

}  // namespace yz::edge
