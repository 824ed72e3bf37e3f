#include "io/resolver.h"

#include <algorithm>

#include <netdb.h>

#include "io/socket.h"

namespace yz::io {

struct Resolver::Cache {
  std::mutex mutex;
  std::unordered_map<std::string, Entry> entries;  // guarded by mutex
};

Resolver::Resolver(BlockingPool& pool, const Options& options)
    : pool_(pool), options_(options), cache_(std::make_shared<Cache>()) {}

Result<std::vector<IpAddress>> resolve_blocking(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) {
    return fail(Code::kNotFound, "cannot resolve '" + host + "': " + ::gai_strerror(code), Fault::kOrigin);
  }
  std::vector<IpAddress> out;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(&address.storage));
    const IpAddress ip = address.endpoint().address;
    if (std::find(out.begin(), out.end(), ip) == out.end()) out.push_back(ip);
  }
  ::freeaddrinfo(found);
  if (out.empty()) return fail(Code::kNotFound, "'" + host + "' has no address", Fault::kOrigin);
  return out;
}

Task<Result<std::vector<IpAddress>>> Resolver::resolve(std::string host, MonoTime deadline) {
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (auto literal = IpAddress::parse(is_bracketed ? std::string_view(host).substr(1, host.size() - 2) : host)) {
    co_return std::vector{*literal};
  }
  const MonoTime now = Reactor::current().now();
  Entry known;
  {
    const std::lock_guard lock(cache_->mutex);
    const auto at = cache_->entries.find(host);
    if (at != cache_->entries.end()) known = at->second;
  }
  const bool is_known = known.asked != MonoTime();
  if (is_known && !known.failed && now - known.asked < options_.fresh) co_return known.addresses;
  if (is_known && known.failed && now - known.asked < options_.failure) {
    if (!known.addresses.empty()) co_return known.addresses;
    co_return fail(Code::kNotFound, "cannot resolve '" + host + "' (tried a moment ago)", Fault::kOrigin);
  }

  auto look_up = [host] { return resolve_blocking(host); };
  auto answer = co_await pool_.run(std::move(look_up), deadline);
  const std::lock_guard lock(cache_->mutex);
  if (cache_->entries.size() >= options_.max_names) cache_->entries.clear();  // a bound, not a policy
  Entry& entry = cache_->entries[host];
  entry.asked = now;
  entry.failed = !answer;
  if (answer) {
    entry.addresses = *answer;
    entry.answered = now;
    co_return answer;
  }
  if (now - entry.answered > options_.stale) entry.addresses.clear();
  if (!entry.addresses.empty()) co_return entry.addresses;
  co_return fail(std::move(answer).error().blamed_on(Fault::kOrigin));
}

}  // namespace yz::io
