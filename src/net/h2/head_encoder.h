#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "http/field_id.h"
#include "http/status.h"

namespace yz::net::h2 {

// Response heads as HPACK (RFC 7541) without a dynamic table: the static table for names, literals without indexing for
// values, no Huffman coding. What comes out depends on nothing but the head, so it is the same for every connection and
// costs little more than copying. Input is a head serialised for HTTP/1.1 by ourselves.

/// Bytes that encoding these lines (and a status) takes at most.
[[nodiscard]] std::size_t encoded_bound(std::span<const iovec> head);
/// ":status".
char* encode_status(char* out, http::StatusCode status);
/// One field; the name in any case. Fields of a connection (RFC 9113 §8.2.2) are left out.
char* encode_field(char* out, std::string_view name, std::string_view value);
char* encode_field(char* out, http::FieldId id, std::uint64_t number);
/// Each "Name: value" CRLF of `lines`; a status line at the start is skipped.
char* encode_lines(char* out, std::string_view lines);

}  // namespace yz::net::h2
