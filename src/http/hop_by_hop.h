#pragma once

#include "http/fields.h"

namespace yz::http {

/// True for fields that end at this hop: Connection and its company, and whatever this message's Connection lists
/// (RFC 9110 §7.6.1). `message` holds the Connection lines. End-to-end fields that Connection may not take away
/// (Cache-Control, Content-Length, Host, …) are never hop-by-hop, however often listed.
[[nodiscard]] bool is_hop_by_hop(const Field& field, Fields message);

/// Request fields that change what some origins answer without being part of our cache key, the classic poisoning
/// inputs: X-Forwarded-Host, X-Original-URL, X-Rewrite-URL, Forwarded, method overrides and the like. Never passed on.
[[nodiscard]] bool is_unkeyed_override(const Field& field);

/// "Yz-…": spoken between our own nodes only; stripped from everyone else.
[[nodiscard]] bool is_internal(const Field& field);

}  // namespace yz::http
