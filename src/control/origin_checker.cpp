#include "control/origin_checker.h"

#include <algorithm>

#include "base/public_address.h"
#include "http/authority.h"

namespace yz::control {

OriginChecker::OriginChecker(io::Reactor& reactor, io::BlockingPool& names, bool allows_private)
    : reactor_(reactor), resolver_(names), client_(reactor), allows_private_(allows_private) {}

io::Task<Result<OriginReport>> OriginChecker::check(OriginQuestion question) {
  if (running_ >= kMostAtOnce) {
    co_return fail(Code::kLimit, "Too many origins are being checked; try again in a moment.", Fault::kSelf);
  }
  ++running_;
  struct Leave {
    int& running;
    ~Leave() { --running; }
  } const leave{running_};

  auto addresses = co_await resolver_.resolve(question.host, reactor_.in(kPatience));
  if (!addresses) {
    OriginReport report;
    report.error = addresses.error().message;
    co_return report;
  }
  const auto usable =
      std::ranges::find_if(*addresses, [&](const IpAddress& address) { return allows_private_ || is_public(address); });
  if (usable == addresses->end()) {
    co_return fail(Code::kPermission, question.host + " has no public address.", Fault::kClient);
  }
  net::Upstream upstream;
  upstream.endpoint = {*usable, question.port};
  upstream.tls = question.tls;
  upstream.verify_tls = question.verify_tls;
  std::string name = question.host_header.empty() ? question.host : question.host_header;
  if (question.tls) {
    const auto authority = http::parse_authority(name);
    upstream.tls_server_name = authority ? std::string(authority->host) : name;
  }
  net::ClientRequest request;
  request.target = question.path;
  request.host = std::move(name);
  request.headers.add("User-Agent", "Yizhan-Check/1");
  request.headers.add("Accept-Encoding", "identity");
  const net::ClientTimeouts timeouts{kPatience, kPatience, kPatience, kPatience};

  OriginReport report;
  report.address = to_string(upstream.endpoint);
  const MonoTime started = reactor_.now();
  auto response = co_await client_.send(std::move(upstream), std::move(request), timeouts);
  report.took = std::chrono::duration_cast<std::chrono::microseconds>(reactor_.now() - started);
  if (!response) {
    report.error = response.error().message;
    co_return report;
  }
  const http::Fields& fields = response->head().fields;
  report.status = response->status();
  report.cache_control = fields.value(http::FieldId::kCacheControl).value_or("");
  report.has_etag = fields.has(http::FieldId::kEtag);
  report.has_last_modified = fields.has(http::FieldId::kLastModified);
  report.takes_ranges = fields.value(http::FieldId::kAcceptRanges).value_or("") == "bytes";
  co_return report;
}

}  // namespace yz::control
