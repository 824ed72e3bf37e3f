#pragma once

#include "http/fields.h"

namespace yz::http {

/// True for fields that end at this hop: Connection and its company, and whatever this message's Connection lists
/// (RFC 9110 §7.6.1). `message` holds the Connection lines. End-to-end fields that Connection may not take away
/// (Cache-Control, Content-Length, Host, …) are never hop-by-hop, however often listed.
[[nodiscard]] bool is_hop_by_hop(const Field& field, Fields message);

/// The same for many fields of one message, whose Connection lines are looked for once.
class HopByHop {
 public:
  explicit HopByHop(Fields message) : message_(message), has_connection_(message.has(FieldId::kConnection)) {}
  [[nodiscard]] bool has(const Field& field) const;

 private:
  const Fields message_;
  const bool has_connection_;
};

/// Request fields that change what some origins answer without being part of our cache key, the classic poisoning
/// inputs: X-Forwarded-Host, X-Original-URL, X-Rewrite-URL, Forwarded, method overrides and the like. Never passed on.
[[nodiscard]] bool is_unkeyed_override(const Field& field);

/// "Yz-…": spoken between our own nodes only; stripped from everyone else.
[[nodiscard]] bool is_internal(const Field& field);

}  // namespace yz::http
