#pragma once

#include <cstddef>
#include <string_view>

#include "http/head_error.h"
#include "http/message.h"

namespace yz::http {

struct RequestRules {
  HeadLimits limits;
  /// Bytes 0x80-0xFF in field values (obs-text, RFC 9110 §5.5). They are ambiguous between parsers, so off by default.
  bool allow_obs_text = false;
};

/// Strict HTTP/1.x request heads (RFC 9112): CRLF only, no folding, one Host, one unambiguous body length. No
/// allocation. One per connection. Work is linear in the bytes even when they come one at a time.
class RequestParser {
 public:
  explicit RequestParser(const RequestRules& rules = {}) : rules_(rules) {}

  /// Shows all bytes since the start of this head (not only the new ones; the buffer may have moved meanwhile). Fills
  /// `head` with views into `bytes` when complete. One empty line before the request line is skipped (RFC 9112 §2.2).
  [[nodiscard]] HeadProgress parse(std::string_view bytes, RequestHead& head);
  /// Forgets the head in progress, before the next request of the connection.
  void reset() { searched_ = 0; }

 private:
  RequestRules rules_;
  std::size_t searched_ = 0;  ///< bytes known to hold no end of head
};

}  // namespace yz::http
