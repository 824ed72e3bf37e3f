#include "net/fetch.h"

#include "base/text.h"
#include "http/authority.h"
#include "http/method.h"
#include "net/tls.h"

namespace yz::net {

Result<FetchTarget> parse_fetch_url(std::string_view url) {
  FetchTarget out;
  if (constexpr std::string_view kUnix = "unix:"; url.starts_with(kUnix)) {
    url.remove_prefix(kUnix.size());
    const std::size_t colon = url.find(':');
    out.unix_path = url.substr(0, colon);
    out.target = colon == std::string_view::npos ? "/" : url.substr(colon + 1);
    out.authority = out.host = "localhost";
    if (out.unix_path.empty() || out.target.empty() || out.target.front() != '/') {
      return fail(Code::kInvalid, "expected unix:/path/to/socket:/target");
    }
    return out;
  }
  const http::Reference reference = http::split_reference(url);
  const std::string scheme = to_lower(reference.scheme);
  if (scheme != "http" && scheme != "https") return fail(Code::kInvalid, "expected an http or https URL");
  const auto authority = http::parse_authority(reference.authority);
  if (!authority) return fail(Code::kInvalid, "'" + std::string(reference.authority) + "' is not a host and port");
  out.tls = scheme == "https";
  out.host = authority->host;
  if (out.host.front() == '[') out.host = out.host.substr(1, out.host.size() - 2);
  out.port = authority->port != 0 ? authority->port : http::default_port(scheme);
  out.authority = reference.authority;
  out.target = reference.path.empty() ? "/" : std::string(reference.path);
  if (reference.has_query) out.target.append("?").append(reference.query);
  return out;
}

io::Task<Result<FetchResponse>> fetch(HttpClient& client, io::Resolver& resolver, FetchRequest request) {
  YZ_CO_TRY(const FetchTarget target, parse_fetch_url(request.url));
  ClientRequest message;
  message.method = request.method;
  message.target = target.target;
  message.host = target.authority;
  message.headers = request.headers;
  message.body = request.body;
  const ClientTimeouts timeouts{request.timeout, request.timeout, request.timeout, request.timeout};
  Upstream upstream;
  upstream.unix_path = target.unix_path;
  upstream.tls = target.tls;
  upstream.verify_tls = request.verify_tls;
  if (target.tls) upstream.tls_server_name = target.host;

  std::vector<IpAddress> addresses(1);
  if (target.unix_path.empty()) {
    YZ_CO_TRY(addresses, co_await resolver.resolve(target.host, io::Reactor::current().in(request.timeout)));
  }
  Error last;
  for (const IpAddress& address : addresses) {
    if (target.unix_path.empty()) upstream.endpoint = {address, target.port};
    auto response = co_await client.send(upstream, message, timeouts);
    if (!response) {
      last = std::move(response).error();
      // A request that may have had its effect is not repeated at another address.
      if (!last.retryable || !http::is_idempotent(http::parse_method(message.method))) break;
      continue;
    }
    FetchResponse out;
    out.status = response->status();
    out.headers = http::HeaderMap(response->head().fields);
    YZ_CO_TRY(out.body, co_await response->read_all(request.max_body));
    co_return out;
  }
  co_return fail(std::move(last));
}

Result<FetchResponse> fetch_blocking(const FetchRequest& request) {
  io::BlockingPool pool(io::BlockingPool::Options{1, 8});
  io::Reactor reactor;
  io::Resolver resolver(pool);
  HttpClient client(reactor);
  return reactor.block_on(fetch(client, resolver, request));
}

}  // namespace yz::net
