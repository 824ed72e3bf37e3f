#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head_error.h"
#include "http/message.h"

namespace yz::http {

struct ResponseRules {
  HeadLimits limits;
  bool allow_obs_text = true;
  /// A Transfer-Encoding that does not end in chunked: refused, or read until the connection closes (RFC 9112 §6.3 rule
  /// 4).
  enum class UnknownCoding : std::uint8_t { kRefuse, kReadUntilClose };
  UnknownCoding unknown_coding = UnknownCoding::kRefuse;
};

/// Strict HTTP/1.x response heads. Origins are not trusted: the same line and field rules as for requests.
/// Interim (1xx) heads are returned like any other; the caller counts and drops them, then calls reset().
class ResponseParser {
 public:
  explicit ResponseParser(const ResponseRules& rules = {}) : rules_(rules) {}

  /// As RequestParser::parse. `request` is the method of the request it answers: it decides the framing (HEAD has no
  /// body). When Transfer-Encoding and Content-Length are both present, chunked wins and keep_alive is false (RFC 9112
  /// §6.3).
  [[nodiscard]] HeadProgress parse(std::string_view bytes, Method request, ResponseHead& head);
  void reset() { searched_ = 0; }

 private:
  ResponseRules rules_;
  std::size_t searched_ = 0;
};

}  // namespace yz::http
