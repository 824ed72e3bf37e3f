#include "edge/tls/ocsp_keeper.h"

#include <algorithm>

#include "base/log.h"
#include "base/public_address.h"
#include "io/reactor.h"
#include "net/fetch.h"
#include "net/ocsp.h"

namespace yz::edge {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 1s;
constexpr auto kPatience = 5s;     // for each step of a request
constexpr auto kFirstRetry = 60s;  // doubled at each failure in a row
constexpr auto kLastRetry = 3600s;
constexpr auto kNever = 24h * 365;  // for certificates that name no responder
constexpr std::size_t kMostAtOnce = 4;
constexpr std::size_t kMostBytes = 64 * 1024;

}  // namespace

io::Task<void> OcspKeeper::run(std::function<std::shared_ptr<const CertificateStore>()> current) {
  while (policy_ != OcspPolicy::kOff) {
    if (const auto store = current()) look(*store, io::Reactor::current().now());
    co_await io::sleep_for(kLookEvery);
  }
}

void OcspKeeper::look(const CertificateStore& store, MonoTime now) {
  for (auto& [key, entry] : entries_) entry->is_seen = false;
  store.for_each([&](const std::shared_ptr<const net::TlsCertificate>& certificate) {
    if (!certificate->is_loaded()) return;
    auto& entry = entries_[certificate.get()];
    if (!entry) entry = std::make_shared<Entry>(Entry{certificate, now, 0, false, true});
    entry->is_seen = true;
    if (entry->is_asked || entry->due > now || under_way_ >= kMostAtOnce) return;
    entry->is_asked = true;
    io::Reactor::current().spawn_into(asking_, refresh(entry));
  });
  std::erase_if(entries_, [](const auto& item) { return !item.second->is_seen; });
}

io::Task<void> OcspKeeper::refresh(std::shared_ptr<Entry> entry) {
  ++under_way_;
  const auto question = net::ocsp_question(*entry->certificate);
  Result<net::OcspAnswer> answer = fail(Code::kNotFound, "names no responder");
  if (question) {
    auto response = co_await ask(question->url, question->request);
    const WallTime now = io::Reactor::current().wall_now();
    if (response) {
      answer = net::check_ocsp_response(*entry->certificate, *response, now);
      if (answer) entry->certificate->set_staple(*std::move(response), answer->until);
    } else {
      answer = fail(std::move(response).error());
    }
    // A revoked certificate is better shown without any answer than with one that has become wrong.
    if (!answer && answer.error().code == Code::kPermission) entry->certificate->set_staple({}, {});
  }
  const MonoTime now = io::Reactor::current().now();
  if (!question) {
    entry->due = now + kNever;
  } else if (answer) {
    entry->failures = 0;
    const auto life = answer->until - io::Reactor::current().wall_now();
    entry->due = now + std::max<std::chrono::milliseconds>(life / 2, kFirstRetry);
  } else {
    const auto wait = std::min<std::chrono::seconds>(kFirstRetry * (1U << std::min(entry->failures, 10U)), kLastRetry);
    entry->due = now + wait;
    if (entry->failures++ == 0) log::warn("{}: nothing is stapled: {}", question->url, answer.error().message);
  }
  entry->is_asked = false;
  --under_way_;
}

io::Task<Result<std::string>> OcspKeeper::ask(std::string url, std::string request) {
  YZ_CO_TRY(const net::FetchTarget target, net::parse_fetch_url(url));
  if (target.tls || !target.unix_path.empty()) co_return fail(Code::kInvalid, "an OCSP responder speaks plain HTTP");
  const MonoTime deadline = io::Reactor::current().in(kPatience);
  YZ_CO_TRY(const std::vector<IpAddress> addresses, co_await resolver_.resolve(target.host, deadline));
  const auto usable = std::find_if(addresses.begin(), addresses.end(), [this](const IpAddress& address) {
    return policy_ == OcspPolicy::kAny || is_public(address);
  });
  if (usable == addresses.end()) co_return fail(Code::kPermission, "the responder is not at a public address");
  net::Upstream upstream;
  upstream.endpoint = {*usable, target.port};
  net::ClientRequest message;
  message.method = "POST";
  message.target = target.target;
  message.host = target.authority;
  message.headers.add("Content-Type", "application/ocsp-request");
  message.headers.add("Accept", "application/ocsp-response");
  message.body = std::move(request);
  const net::ClientTimeouts timeouts{kPatience, kPatience, kPatience, kPatience};
  YZ_CO_TRY(auto response, co_await client_.send(upstream, message, timeouts));
  if (response.status() != 200) {
    co_return fail(Code::kUnavailable, "the OCSP responder answered " + std::to_string(response.status()));
  }
  co_return co_await response.read_all(kMostBytes);
}

}  // namespace yz::edge
