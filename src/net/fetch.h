#pragma once

#include <chrono>
#include <string>

#include "http/header_map.h"
#include "io/resolver.h"
#include "net/http_client.h"

namespace yz::net {

/// An http:// or https:// URL taken apart, or unix:/path/to/socket:/target.
struct FetchTarget {
  bool tls = false;
  std::string unix_path;  ///< for unix: URLs
  std::string host;       ///< without port; an IPv6 literal without brackets
  std::uint16_t port = 0;
  std::string authority;  ///< for the Host field
  std::string target;     ///< path and query
};
[[nodiscard]] Result<FetchTarget> parse_fetch_url(std::string_view url);

/// One request by URL, for tools, callbacks and tests: resolves, connects, reads the whole answer.
struct FetchRequest {
  std::string url;
  std::string method = "GET";
  http::HeaderMap headers;
  std::string body;
  std::size_t max_body = 64 << 20;
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  ///< for each step
  bool verify_tls = true;
};

struct FetchResponse {
  http::StatusCode status = 0;
  http::HeaderMap headers;
  std::string body;
};

/// Follows no redirects. Fails as HttpClient::send, and with kInvalid for a URL it cannot use. Any status is a success.
[[nodiscard]] io::Task<Result<FetchResponse>> fetch(HttpClient& client, io::Resolver& resolver, FetchRequest request);
/// The same for a program without a reactor: blocks the calling thread.
[[nodiscard]] Result<FetchResponse> fetch_blocking(const FetchRequest& request);

}  // namespace yz::net
