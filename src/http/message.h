#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/method.h"
#include "http/status.h"

namespace yz::http {

enum class Version : std::uint8_t { kHttp10, kHttp11, kHttp2 };

/// How the body's end is found (RFC 9112 §6.3).
enum class Framing : std::uint8_t {
  kNone,        ///< there is no body
  kLength,      ///< content_length bytes
  kChunked,     ///< chunked transfer coding
  kUntilClose,  ///< responses only: the body ends with the connection
};

/// The four forms of a request target (RFC 9112 §3.2).
enum class TargetForm : std::uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };

/// A request head as parsed: every view points into the connection's buffer and lives as long as those bytes stay put.
/// About 6 KB: keep one per connection and let the parser refill it.
struct RequestHead {
  Method method = Method::kGet;
  Version version = Version::kHttp11;
  TargetForm form = TargetForm::kOrigin;
  Framing framing = Framing::kNone;
  bool keep_alive = true;         ///< the client lets the connection persist (RFC 9112 §9.3)
  bool expects_continue = false;  ///< Expect: 100-continue on HTTP/1.1
  bool has_query = false;         ///< a "?" is present, even if nothing follows it
  std::uint16_t port = 0;         ///< of the authority; 0 when it names none
  std::uint64_t content_length = 0;
  std::string_view method_text;
  std::string_view target;  ///< as received
  std::string_view scheme;  ///< absolute-form only
  std::string_view host;    ///< without port, letters as received, IPv6 in brackets; empty only in HTTP/1.0
  std::string_view path;    ///< "/..." without the query; "*" for asterisk-form; empty for authority-form
  std::string_view query;   ///< without the "?"
  FieldList fields;
};

/// A response head as parsed from an origin or peer. Same ownership as RequestHead.
struct ResponseHead {
  StatusCode status = 0;
  Version version = Version::kHttp11;
  Framing framing = Framing::kNone;
  bool keep_alive = true;  ///< false also when the framing was ambiguous: the connection must not be used again
  std::uint64_t content_length = 0;
  std::string_view reason;
  FieldList fields;
};

}  // namespace yz::http
