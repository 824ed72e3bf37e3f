#pragma once

#include <cstdint>

#include "http/fields.h"
#include "http/header_map.h"

namespace yz::http {

/// Makes `request` conditional on the stored response (RFC 9111 §4.3.1): If-None-Match from its ETag, If-Modified-Since
/// from its Last-Modified. The viewer's own preconditions and ranges are taken out first: the answer is for the store.
void make_conditional(HeaderMap& request, Fields stored);

/// Whether a 304 speaks of this stored response (RFC 9111 §4.3.4): its ETag weakly equals the stored one; without an
/// ETag its Last-Modified, if any, is the stored one.
[[nodiscard]] bool confirms(Fields not_modified, Fields stored);

/// The stored fields after a 304 (RFC 9111 §3.2): every field of the 304 replaces those of its name, save those that
/// describe this connection or the stored body (Content-Length, Content-Encoding, Content-Range, Content-MD5).
[[nodiscard]] HeaderMap merge_fields(Fields stored, Fields fresh);

/// What a 200 to HEAD says about the stored response to GET (RFC 9111 §4.3.5).
enum class HeadVerdict : std::uint8_t {
  kUpdate,      ///< validators and Content-Length agree: merge its fields
  kInvalidate,  ///< they differ: the stored response is outdated
};
[[nodiscard]] HeadVerdict compare_head(Fields head, Fields stored, std::uint64_t stored_length);

}  // namespace yz::http
