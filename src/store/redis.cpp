#include "store/redis.h"

#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/freed.h"
#include "base/log.h"
#include "base/text.h"

namespace yz::store {
namespace {

constexpr std::string_view kExpected = "redis URL: expected 'redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]'";
constexpr std::uint16_t kDefaultPort = 6379;

struct Address {
  std::string host;
  std::uint16_t port = kDefaultPort;
  std::string user;
  std::string password;
  std::string number;  // of the database
};

Result<Address> parse(std::string_view url) {
  constexpr std::string_view kScheme = "redis://";
  const auto wrong = [] { return fail(Code::kInvalid, std::string(kExpected)); };
  if (!url.starts_with(kScheme)) return wrong();
  url.remove_prefix(kScheme.size());
  Address out;
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    const std::string_view account = url.substr(0, at);
    const std::size_t colon = account.find(':');
    if (colon == std::string_view::npos) return wrong();
    YZ_TRY(out.user, percent_decode(account.substr(0, colon)));
    YZ_TRY(out.password, percent_decode(account.substr(colon + 1)));
    url.remove_prefix(at + 1);
  }
  if (const std::size_t slash = url.find('/'); slash != std::string_view::npos) {
    out.number = std::string(url.substr(slash + 1));
    if (!out.number.empty() && !parse_u32(out.number, 65'535)) return wrong();
    url = url.substr(0, slash);
  }
  if (const std::size_t colon = url.rfind(':'); colon != std::string_view::npos) {
    const auto port = parse_u32(url.substr(colon + 1), 65'535);
    if (!port || *port == 0) return wrong();
    out.port = static_cast<std::uint16_t>(*port);
    url = url.substr(0, colon);
  }
  if (url.empty()) return wrong();
  out.host = std::string(url);
  return out;
}

timeval timeval_of(std::chrono::milliseconds time) {
  return {static_cast<time_t>(time.count() / 1'000), static_cast<suseconds_t>(time.count() % 1'000 * 1'000)};
}

using Context = std::unique_ptr<redisContext, Freed<redisFree>>;
using Reply = std::unique_ptr<redisReply, Freed<freeReplyObject>>;

void append(redisContext& context, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(&context, static_cast<int>(words.size()), texts.data(), sizes.data());
}

/// The next answer; null when the connection broke or took too long.
Reply next_reply(redisContext& context) {
  void* reply = nullptr;
  if (redisGetReply(&context, &reply) != REDIS_OK) return nullptr;
  return Reply(static_cast<redisReply*>(reply));
}

/// What Redis refused, without what it was told: its words may hold a password's first letters.
bool is_refusal(const Reply& reply) { return reply == nullptr || reply->type == REDIS_REPLY_ERROR; }

}  // namespace

/// Connections nobody uses now, and since when the server is left alone.
class Redis::Pool {
 public:
  Pool(Address address, Options options) : address_(std::move(address)), options_(options) {}

  Result<Context> take() {
    if (SystemClock::instance().mono() < silent_until_.load(std::memory_order_relaxed)) {
      return fail(Code::kUnavailable, "Redis did not answer a moment ago");
    }
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Context out = std::move(idle_.back());
        idle_.pop_back();
        return out;
      }
    }
    return connect();
  }

  void give_back(Context context) {
    if (was_away_.exchange(false)) log::info("Redis at {}:{} is used again", address_.host, address_.port);
    const std::lock_guard lock(mutex_);
    if (idle_.size() < options_.connections) idle_.push_back(std::move(context));
  }

  /// The server is left alone for a moment; connections of before are not trusted any more.
  tl::unexpected<Error> failed(std::string_view what) {
    silent_until_.store(SystemClock::instance().mono() + options_.pause, std::memory_order_relaxed);
    if (!was_away_.exchange(true)) log::warn("Redis at {}:{}: {}", address_.host, address_.port, what);
    const std::lock_guard lock(mutex_);
    idle_.clear();
    return fail(Code::kUnavailable, fmt::format("Redis: {}", what));
  }

 private:
  Result<Context> connect() {
    Context context(redisConnectWithTimeout(address_.host.c_str(), address_.port, timeval_of(options_.timeout)));
    if (context == nullptr || context->err != 0) return failed(context ? context->errstr : "no memory");
    redisSetTimeout(context.get(), timeval_of(options_.timeout));
    std::size_t asked = 0;
    if (!address_.password.empty()) {
      std::vector<std::string> words{"AUTH"};
      if (!address_.user.empty()) words.push_back(address_.user);
      words.push_back(address_.password);
      append(*context, words);
      ++asked;
    }
    if (!address_.number.empty()) {
      append(*context, {"SELECT", address_.number});
      ++asked;
    }
    for (; asked > 0; --asked) {
      if (is_refusal(next_reply(*context))) return failed("it refused the account or the database's number");
    }
    return context;
  }

  const Address address_;
  const Options options_;
  std::atomic<MonoTime> silent_until_{MonoTime()};
  std::atomic<bool> was_away_{false};
  std::mutex mutex_;
  std::vector<Context> idle_;
};

Redis::Redis(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
Redis::~Redis() = default;

Status Redis::check_url(std::string_view url) {
  YZ_TRY([[maybe_unused]] const Address address, parse(url));
  return {};
}

Result<std::unique_ptr<Redis>> Redis::open(std::string_view url, Options options) {
  YZ_TRY(Address address, parse(url));
  return std::unique_ptr<Redis>(new Redis(std::make_unique<Pool>(std::move(address), options)));
}

Result<std::uint64_t> Redis::add_one(std::string_view key, std::chrono::milliseconds life) {
  YZ_TRY(Context context, pool_->take());
  append(*context, {"INCR", std::string(key)});
  append(*context, {"PEXPIRE", std::string(key), std::to_string(life.count())});
  const Reply count = next_reply(*context);
  const Reply expiry = count == nullptr ? nullptr : next_reply(*context);
  if (count == nullptr || expiry == nullptr) return pool_->failed(context->errstr);
  if (count->type != REDIS_REPLY_INTEGER || is_refusal(expiry)) return pool_->failed("it refused to count");
  pool_->give_back(std::move(context));
  return static_cast<std::uint64_t>(count->integer);
}

}  // namespace yz::store
