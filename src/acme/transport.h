#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace yz::acme {

struct HttpRequest {
  std::string method;  ///< "GET", "HEAD", "POST"
  std::string url;
  std::string body;                                    ///< of a POST
  std::string accept = {};                             ///< empty: anything
  std::string content_type = "application/jose+json";  ///< of a POST
  std::string authorization = {};                      ///< the field's value; empty: none
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case, in order
  std::string body;

  /// The first field of this (lower-case) name; empty: none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// One HTTP exchange with a server of others. Blocks, with a deadline of its own; follows no redirects. Any status is a
/// success; fails with kTimeout or kUnavailable when there was no answer, kLimit when it was too long.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Result<HttpResponse> exchange(const HttpRequest& request) = 0;
};

}  // namespace yz::acme
