#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "edge/testing.h"
#include "http/range.h"

namespace yz::edge::testing {

/// The bytes of a large representation: random, with a period that is prime, so that no shift by whole slices goes
/// unnoticed. Each version has its own.
class LargeContent {
 public:
  static constexpr std::uint64_t kPeriod = 1'048'573;
  explicit LargeContent(std::uint64_t seed) : block_(kPeriod, '\0') {
    Random random(seed);
    for (std::size_t i = 0; i + 8 <= block_.size(); i += 8) {
      const std::uint64_t word = random.next();
      std::memcpy(block_.data() + i, &word, sizeof word);
    }
  }
  /// A run of the bytes from `offset` on, at most `limit`.
  [[nodiscard]] std::string_view run(std::uint64_t offset, std::uint64_t limit) const {
    return std::string_view(block_).substr(offset % kPeriod, limit);
  }
  [[nodiscard]] bool holds(std::uint64_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const std::string_view expected = run(offset, bytes.size());
      if (bytes.substr(0, expected.size()) != expected) return false;
      offset += expected.size();
      bytes.remove_prefix(expected.size());
    }
    return true;
  }
  [[nodiscard]] std::string text(const http::ByteRange& range) const {
    std::string out;
    while (out.size() < range.length()) out += run(range.first + out.size(), range.length() - out.size());
    return out;
  }

 private:
  std::string block_;
};

/// An origin of one large representation under every path, whose ways a test sets.
class LargeOrigin {
 public:
  /// What it may do; any thread may change it between requests.
  struct Ways {
    std::atomic<int> version{0};
    std::atomic<bool> honours_range{true};
    std::atomic<bool> honours_if_range{true};
    std::atomic<bool> speaks_of_length{true};     ///< false: chunked
    std::atomic<std::uint64_t> cuts_after{0};     ///< bytes of each body, then the connection is reset; 0: never
    std::atomic<int> cuts_left{1 << 30};          ///< so many bodies are cut
    std::atomic<std::uint64_t> changes_after{0};  ///< requests after which the next version is there; 0: never
    std::atomic<int> status{0};                   ///< instead of an answer with a body; 0: none
    std::atomic<bool> shifts_range{false};        ///< Content-Range tells other bytes than asked for
    std::atomic<bool> makes_multipart{false};
    std::atomic<std::int64_t> adds_to_total{0};  ///< a lie in Content-Range
  };

  LargeOrigin(std::uint64_t size, std::string etag = "\"v\"", std::string cache_control = "max-age=3600")
      : size_(size),
        etag_(std::move(etag)),
        cache_control_(std::move(cache_control)),
        origin_([this](net::Exchange& e) { return answer(e); }) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) contents_.emplace_back(seed + 1);
  }

  [[nodiscard]] const Endpoint& endpoint() const { return origin_.endpoint(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const LargeContent& content() const { return contents_[static_cast<std::size_t>(ways.version)]; }
  [[nodiscard]] const LargeContent& content(int version) const { return contents_[static_cast<std::size_t>(version)]; }
  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }
  /// The Range fields seen, in order; "" where there was none.
  [[nodiscard]] std::vector<std::string> ranges() {
    const std::lock_guard lock(mutex_);
    return ranges_;
  }
  [[nodiscard]] std::string last_field(const std::string& name) { return origin_.last_field(name); }
  [[nodiscard]] FakeOrigin& server() { return origin_; }

  Ways ways;
  std::string extra_fields = {};  ///< "Name: value", set before the first request

 private:
  [[nodiscard]] std::string tag() const {
    if (etag_.empty()) return "";
    const auto quote = etag_.rfind('"');
    return etag_.substr(0, quote) + std::to_string(ways.version) + "\"";
  }

  io::Task<void> answer(net::Exchange& exchange) {
    const std::uint64_t turn = static_cast<std::uint64_t>(++requests_);
    if (ways.changes_after > 0 && turn > ways.changes_after && ways.version == 0) ways.version = 1;
    const http::Fields asked = exchange.request().fields;
    const auto range = asked.value(http::FieldId::kRange);
    {
      const std::lock_guard lock(mutex_);
      ranges_.emplace_back(range.value_or(""));
    }
    http::HeaderMap headers{{"Cache-Control", cache_control_}, {"Content-Type", "video/mp4"}};
    const std::string name = tag();
    if (!name.empty()) headers.add("ETag", name);
    if (!extra_fields.empty()) {
      const auto colon = extra_fields.find(':');
      headers.add(extra_fields.substr(0, colon), extra_fields.substr(colon + 2));
    }
    if (ways.status != 0) {
      (void)co_await exchange.respond(static_cast<http::StatusCode>(ways.status.load()), std::move(headers), "no");
      co_return;
    }
    if (!name.empty() && asked.value(http::FieldId::kIfNoneMatch) == name) {
      (void)co_await exchange.respond(304, std::move(headers), "");
      co_return;
    }
    const auto condition = asked.value(http::FieldId::kIfRange);
    const bool is_same = !condition || *condition == name || !ways.honours_if_range;
    http::ByteRange part{0, size_ - 1};
    const auto set = http::RangeSet::parse(range.value_or(""), size_);
    const bool gives_part = ways.honours_range && is_same && set.kind() != http::RangeSet::Kind::kWhole;
    if (gives_part && set.kind() == http::RangeSet::Kind::kUnsatisfiable) {
      headers.set("Content-Range", http::unsatisfied_range(size_));
      (void)co_await exchange.respond(416, std::move(headers), "");
      co_return;
    }
    if (gives_part) {
      part = set.ranges().front();
      if (ways.shifts_range && part.last + 1 < size_) part = {part.first + 1, part.last + 1};
      if (ways.makes_multipart) {
        headers.set("Content-Type", "multipart/byteranges; boundary=x");
      } else {
        const auto total = static_cast<std::uint64_t>(static_cast<std::int64_t>(size_) + ways.adds_to_total);
        headers.add("Content-Range", http::content_range(part, total));
      }
    }
    const auto length = ways.speaks_of_length ? std::optional(part.length()) : std::nullopt;
    exchange.begin(gives_part ? 206 : 200, headers, {length});
    co_await send_body(exchange, part, content());
  }

  io::Task<void> send_body(net::Exchange& exchange, http::ByteRange part, const LargeContent& bytes) {
    const std::uint64_t cut = ways.cuts_after > 0 && ways.cuts_left > 0 ? ways.cuts_after.load() : UINT64_MAX;
    if (cut < part.length()) --ways.cuts_left;
    std::uint64_t sent = 0;
    while (sent < part.length()) {
      const std::uint64_t limit = std::min({part.length() - sent, cut - sent, std::uint64_t{65536}});
      if (limit == 0) {
        // Half of it must have left us before the reset.
        co_await io::sleep_for(std::chrono::milliseconds(5));
        co_return exchange.abort();
      }
      const std::string_view run = bytes.run(part.first + sent, limit);
      if (!co_await exchange.send(run)) co_return;
      sent += run.size();
      bytes_sent_ += run.size();
      co_await io::yield();
    }
    (void)co_await exchange.finish();
  }

  const std::uint64_t size_;
  const std::string etag_;
  const std::string cache_control_;
  std::vector<LargeContent> contents_;
  std::atomic<int> requests_{0};
  std::atomic<std::uint64_t> bytes_sent_{0};
  std::mutex mutex_;
  std::vector<std::string> ranges_;
  FakeOrigin origin_;  // last: its thread uses the rest
};

}  // namespace yz::edge::testing
