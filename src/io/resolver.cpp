#include "io/resolver.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include <netdb.h>

#include "base/clock.h"
#include "io/socket.h"
#include "io/waiters.h"

namespace yz::io {

namespace {

MonoTime now() { return SystemClock::instance().mono(); }

tl::unexpected<Error> unknown_host(const std::string& host, std::string_view why) {
  return fail(Code::kNotFound, "cannot resolve '" + host + "': " + std::string(why), Fault::kOrigin);
}

}  // namespace

struct Resolver::Cache : std::enable_shared_from_this<Cache> {
  explicit Cache(Options given) : options(std::move(given)) {}

  struct Entry {
    std::vector<IpAddress> addresses;  // empty: none is known
    MonoTime answered;                 // when `addresses` were told
    MonoTime asked;                    // when the last try ended
    bool has_failed = false;           // the last try
    bool is_asking = false;
    std::string problem;  // of the last try
  };

  void ask(const std::string& host, Entry& entry, BlockingPool& pool);
  void take(const std::string& host, Result<std::vector<IpAddress>> answer);
  void make_room();

  const Options options;
  Waiters news;  // some look-up ended
  std::mutex mutex;
  std::unordered_map<std::string, Entry> entries;  // guarded by mutex
};

/// Starts a look-up; nobody waits for it here. Under the mutex.
void Resolver::Cache::ask(const std::string& host, Entry& entry, BlockingPool& pool) {
  auto job = [self = shared_from_this(), host] {
    self->take(host, self->options.look_up ? self->options.look_up(host) : resolve_blocking(host));
  };
  const Status queued = pool.submit(std::move(job));
  entry.is_asking = queued.has_value();
  if (queued) return;
  entry.asked = now();
  entry.has_failed = true;
  entry.problem = "too many names are being asked for";
}

void Resolver::Cache::take(const std::string& host, Result<std::vector<IpAddress>> answer) {
  {
    const std::lock_guard lock(mutex);
    Entry& entry = entries[host];
    entry.is_asking = false;
    entry.asked = now();
    entry.has_failed = !answer;
    if (answer) {
      entry.addresses = *std::move(answer);
      entry.answered = entry.asked;
    } else {
      entry.problem = std::move(answer).error().message;
    }
  }
  news.notify_all();
}

/// Throws out what nobody asked for lately, or everything: a bound, not a policy. Under the mutex.
void Resolver::Cache::make_room() {
  if (entries.size() < options.max_names) return;
  const MonoTime old = now() - options.fresh;
  std::erase_if(entries, [&](const auto& one) { return !one.second.is_asking && one.second.asked < old; });
  if (entries.size() < options.max_names) return;
  std::erase_if(entries, [](const auto& one) { return !one.second.is_asking; });
}

Resolver::Resolver(BlockingPool& pool, Options options)
    : pool_(pool), cache_(std::make_shared<Cache>(std::move(options))) {}
Resolver::~Resolver() = default;

Result<std::vector<IpAddress>> resolve_blocking(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) {
    return unknown_host(host, ::gai_strerror(code));
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
  if (out.empty()) return unknown_host(host, "it has no address");
  return out;
}

Task<Result<std::vector<IpAddress>>> Resolver::resolve(std::string host, MonoTime deadline) {
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (auto literal = IpAddress::parse(is_bracketed ? std::string_view(host).substr(1, host.size() - 2) : host)) {
    co_return std::vector{*literal};
  }
  const std::shared_ptr<Cache> cache = cache_;
  const Options& options = cache->options;
  while (true) {
    const auto ticket = cache->news.ticket();
    {
      const std::lock_guard lock(cache->mutex);
      cache->make_room();
      Cache::Entry& entry = cache->entries[host];
      const MonoTime at = now();
      const bool is_known = !entry.addresses.empty() && at - entry.answered < options.stale;
      const bool may_ask = !entry.is_asking && !(entry.has_failed && at - entry.asked < options.failure);
      const bool is_due = !is_known || at - entry.answered >= options.fresh;
      if (is_due && may_ask) cache->ask(host, entry, pool_);
      if (is_known) co_return entry.addresses;
      if (!entry.is_asking) co_return unknown_host(host, entry.problem);
    }
    if (!co_await cache->news.wait(ticket, deadline)) {
      co_return fail(Code::kTimeout, "resolving '" + host + "' takes too long", Fault::kOrigin);
    }
  }
}

void Resolver::suspect(const std::string& host) {
  const std::lock_guard lock(cache_->mutex);
  const auto at = cache_->entries.find(host);
  if (at == cache_->entries.end() || at->second.is_asking) return;
  if (now() - at->second.asked >= cache_->options.suspicion) cache_->ask(host, at->second, pool_);
}

}  // namespace yz::io
