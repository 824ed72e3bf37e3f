#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace yz::http {

/// The fields our rules look at, so that looking one up is an integer compare. Every other name is kOther.
enum class FieldId : std::uint8_t {
  kOther,
  kAccept,
  kAcceptEncoding,
  kAcceptLanguage,
  kAcceptRanges,
  kAge,
  kAuthorization,
  kCacheControl,
  kCacheStatus,
  kCacheTag,
  kCdnCacheControl,
  kCdnLoop,
  kConnection,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentLocation,
  kContentRange,
  kContentType,
  kCookie,
  kDate,
  kEtag,
  kExpect,
  kExpires,
  kForwarded,
  kHost,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kKeepAlive,
  kLastModified,
  kLocation,
  kOrigin,
  kPragma,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRange,
  kReferer,
  kRetryAfter,
  kServer,
  kSetCookie,
  kSurrogateControl,
  kSurrogateKey,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUserAgent,
  kVary,
  kVia,
  kWarning,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kYzBornSeq,
  kYzPeer,
  kYzPurgeSeq,
};

inline constexpr std::size_t kFieldIds = static_cast<std::size_t>(FieldId::kYzPurgeSeq) + 1;

/// Case-insensitive (RFC 9110 §5.1). No allocation; one compare for most names.
[[nodiscard]] FieldId find_field_id(std::string_view name);
/// The registered spelling ("ETag"); empty for kOther.
[[nodiscard]] std::string_view name_of(FieldId id);

}  // namespace yz::http
