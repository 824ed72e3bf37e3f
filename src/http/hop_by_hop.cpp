#include "http/hop_by_hop.h"

#include <array>

#include "base/text.h"

namespace yz::http {
namespace {

bool is_always_hop_by_hop(FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kProxyAuthenticate:
    case FieldId::kProxyAuthorization:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

/// Listing these in Connection is a trick to make the next hop not see them.
bool is_protected(FieldId id) {
  switch (id) {
    case FieldId::kAge:
    case FieldId::kAuthorization:
    case FieldId::kCacheControl:
    case FieldId::kCdnCacheControl:
    case FieldId::kCdnLoop:
    case FieldId::kContentLength:
    case FieldId::kContentEncoding:
    case FieldId::kContentRange:
    case FieldId::kContentType:
    case FieldId::kCookie:
    case FieldId::kHost:
    case FieldId::kSetCookie:
    case FieldId::kVary:
    case FieldId::kVia:
    case FieldId::kXForwardedFor:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool HopByHop::has(const Field& field) const {
  if (is_always_hop_by_hop(field.id)) return true;
  if (!has_connection_ || is_protected(field.id)) return false;
  return lists_token(message_, FieldId::kConnection, field.name);
}

bool is_hop_by_hop(const Field& field, Fields message) { return HopByHop(message).has(field); }

bool is_unkeyed_override(const Field& field) {
  if (field.id == FieldId::kXForwardedHost || field.id == FieldId::kForwarded) return true;
  if (field.id != FieldId::kOther || field.name.size() < 6 || field.name[1] != '-') return false;
  if (to_lower(field.name[0]) != 'x') return false;
  static constexpr std::array<std::string_view, 12> kNames = {
      "X-Original-URL",   "X-Rewrite-URL",          "X-Original-Host",    "X-Host",
      "X-Forwarded-Port", "X-Forwarded-Server",     "X-Forwarded-Scheme", "X-Forwarded-Prefix",
      "X-HTTP-Method",    "X-HTTP-Method-Override", "X-Method-Override",  "X-Forwarded-Path"};
  for (const auto name : kNames) {
    if (equals_ignoring_case(field.name, name)) return true;
  }
  return false;
}

bool is_internal(const Field& field) {
  return field.name.size() > 3 && to_lower(field.name[0]) == 'y' && to_lower(field.name[1]) == 'z' &&
         field.name[2] == '-';
}

}  // namespace yz::http
