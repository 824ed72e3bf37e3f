#pragma once

#include <string>

#include "edge/transaction/head_tail.h"
#include "edge/transaction/transaction.h"
#include "http/header_map.h"

namespace yz::edge {

/// Age (RFC 9111 §5.1), Cache-Status (RFC 9211) and, for a peer, Yz-Born-Seq.
void add_age_and_status(HeadTail& tail, const Transaction& tx, const cache::Object& object);

/// Strict-Transport-Security, on answers over TLS of domains that want it; empty otherwise. RFC 6797 §8.1: of several
/// the first counts, so one that the origin sent goes before ours.
[[nodiscard]] std::string_view hsts_of(const Transaction& tx);

/// "HTTP/1.1 304 Not Modified\r\n" and those of the stored fields that belong in a 304 (RFC 9110 §15.4.5).
[[nodiscard]] std::string not_modified_head(http::Fields stored);

}  // namespace yz::edge
