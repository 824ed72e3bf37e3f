#pragma once

#include <cstddef>
#include <string_view>

#include "http/head_error.h"
#include "http/message.h"

namespace yz::http {

/// Parses field lines from `at` through the empty line that ends a head (RFC 9112 §5). `consumed` counts from the start
/// of `bytes`. Shared by both parsers.
[[nodiscard]] HeadProgress parse_field_block(std::string_view bytes, std::size_t at, const HeadLimits& limits,
                                             bool allow_obs_text, FieldList& fields);

/// What the framing and connection fields say before a message's kind decides (RFC 9112 §6, §9.3).
struct BodyFields {
  HeadError error = HeadError::kNone;
  bool has_length = false;
  bool has_coding = false;
  bool chunked = false;  ///< the one coding is chunked
  std::uint64_t length = 0;
};
[[nodiscard]] BodyFields read_body_fields(const FieldList& fields);

/// RFC 9112 §9.3: "close" ends it, HTTP/1.0 needs "keep-alive".
[[nodiscard]] bool wants_keep_alive(const FieldList& fields, Version version);

[[nodiscard]] constexpr HeadProgress bad(HeadError error) { return {Progress::kBad, error, 0}; }
[[nodiscard]] constexpr HeadProgress incomplete() { return {}; }

/// An HTTP-version at `at`: kComplete with `consumed` = the index after it. HTTP/1.x above 1.1 reads as 1.1.
[[nodiscard]] HeadProgress parse_version(std::string_view bytes, std::size_t at, Version& version);

}  // namespace yz::http
