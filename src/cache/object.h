#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "cache/body.h"
#include "cache/key.h"
#include "cache/ref.h"

namespace yz::cache {

/// What the edge knows of a response when its head has arrived; copied into the Object. The cache stores it and gives
/// it back, it decides nothing by it but purges (`host`, `target`, `tags`, `born`).
struct ObjectMeta {
  CacheKey key;
  BaseId base;
  /// The purge clock when the request that brought this response was *sent* (for a peer's answer: the lesser of our own
  /// and the peer's `Yz-Born-Seq`).
  Seq born;

  std::uint16_t status = 200;
  /// Free for the edge: what it worked out once and wants to know at each hit (must-revalidate, no-cache, …).
  std::uint32_t flags = 0;
  WallTime request_time{};
  WallTime response_time{};
  std::chrono::seconds initial_age{0};  ///< corrected_initial_age (RFC 9111 §4.2.3), at response_time
  std::chrono::seconds lifetime{0};     ///< freshness_lifetime (§4.2.1)
  std::chrono::seconds stale_while_revalidate{0};
  std::chrono::seconds stale_if_error{0};
  /// The body's length when the head tells it.
  std::optional<std::uint64_t> content_length;

  /// "HTTP/1.1 200 OK\r\n" and all stored fields except Age, each ending in CRLF; Age and what depends on the request
  /// go between the two parts. Framing fields belong to the request unless `content_length` was told: a body of
  /// unknown length is sent chunked while it arrives, and with its length (`body_size`) once it is whole.
  std::string_view head_before_age;
  /// Stored fields that follow, without the empty line that ends the head; may be empty.
  std::string_view head_after_age;
  std::string_view host;    ///< as in `primary_key`
  std::string_view target;  ///< as in `primary_key`
  std::string_view etag;    ///< as received, with quotes and W/; empty: none
  std::string_view last_modified;
  /// Normalised field names the variant was chosen by, as in VaryRule; empty: does not vary.
  std::string_view vary;
  /// Bytes the edge wants back unchanged.
  std::string_view extra;
  std::span<const std::uint32_t> tags;  ///< `tag_id` of each of its tags
};

/// A stored response. Immutable but for three words the cache keeps its own books in; any worker may read it for as
/// long as it holds a Ref. Made whole: head and body.
class Object {
 public:
  /// None when the budget has no room for the head. `body` may be none for an empty one.
  [[nodiscard]] static Ref<Object> make(MemoryBudget& budget, const ObjectMeta& meta, Ref<Body> body);
  /// The same head on a body that has arrived since.
  [[nodiscard]] static Ref<Object> with_body(const Object& head, Ref<Body> body);
  /// What an object of that head is charged, its body apart.
  [[nodiscard]] static std::uint64_t charge_of(const ObjectMeta& meta);

  [[nodiscard]] const CacheKey& key() const { return key_; }
  [[nodiscard]] BaseId base() const { return base_; }
  [[nodiscard]] Seq born() const { return born_; }
  [[nodiscard]] std::uint16_t status() const { return status_; }
  [[nodiscard]] std::uint32_t flags() const { return flags_; }
  [[nodiscard]] WallTime request_time() const { return request_time_; }
  [[nodiscard]] WallTime response_time() const { return response_time_; }
  [[nodiscard]] std::chrono::seconds initial_age() const { return std::chrono::seconds(initial_age_); }
  [[nodiscard]] std::chrono::seconds lifetime() const { return std::chrono::seconds(lifetime_); }
  [[nodiscard]] std::chrono::seconds stale_while_revalidate() const { return std::chrono::seconds(swr_); }
  [[nodiscard]] std::chrono::seconds stale_if_error() const { return std::chrono::seconds(sie_); }
  /// current_age at `now` (RFC 9111 §4.2.3), never negative.
  [[nodiscard]] std::chrono::seconds age(WallTime now) const;

  [[nodiscard]] std::string_view head_before_age() const { return text(kHeadBefore); }
  [[nodiscard]] std::string_view head_after_age() const { return text(kHeadAfter); }
  [[nodiscard]] std::string_view host() const { return text(kHost); }
  [[nodiscard]] std::string_view target() const { return text(kTarget); }
  [[nodiscard]] std::string_view etag() const { return text(kEtag); }
  [[nodiscard]] std::string_view last_modified() const { return text(kLastModified); }
  [[nodiscard]] std::string_view vary() const { return text(kVary); }
  [[nodiscard]] std::string_view extra() const { return text(kExtra); }
  [[nodiscard]] std::span<const std::uint32_t> tags() const;
  /// All of the above as views into this object, to be changed and made anew (304). Without `content_length`.
  [[nodiscard]] ObjectMeta meta() const;
  /// Null: no body.
  [[nodiscard]] const Body* body() const { return body_.get(); }
  [[nodiscard]] Ref<Body> share_body() const { return body_; }
  [[nodiscard]] std::uint64_t body_size() const { return body_ ? body_->size() : 0; }
  /// True once a soft purge hit it: to be treated as stale whatever its age, and never served without revalidation.
  [[nodiscard]] bool is_soft_purged() const { return soft_purged_.load(std::memory_order_relaxed); }

  /// True once a record of just this object was on disk; it may have been given up since. Any thread.
  [[nodiscard]] bool is_on_disk() const { return on_disk_.load(std::memory_order_relaxed); }
  void note_on_disk() { on_disk_.store(true, std::memory_order_relaxed); }

  /// Bytes the tier reckons with: head and body.
  [[nodiscard]] std::uint64_t weight() const { return charge_ + body_size(); }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  /// For the index only, inside an Epoch::Guard: false when the object is already on its way out.
  [[nodiscard]] bool try_acquire();
  void release();

 private:
  friend class PurgeLog;
  friend class S3Fifo;
  friend class MemoryTier;
  enum Text : std::uint8_t { kHeadBefore, kHeadAfter, kHost, kTarget, kEtag, kLastModified, kVary, kExtra, kTexts };

  Object(MemoryBudget& budget, const ObjectMeta& meta, Ref<Body> body, std::uint64_t charge);
  ~Object() = default;
  static void destroy(void* object);
  [[nodiscard]] std::string_view text(Text which) const {
    const std::uint32_t from = which == 0 ? 0 : text_end_[which - 1];
    return {blob() + from, text_end_[which] - from};
  }
  [[nodiscard]] const char* blob() const { return reinterpret_cast<const char*>(this + 1); }

  // First line: what a hit reads. `checked_` is written once per purge and object, `freq_` at most three times.
  std::atomic<std::uint32_t> references_{1};
  std::atomic<std::uint8_t> freq_{0};  ///< S3-FIFO's counter, saturating at 3
  std::atomic<bool> soft_purged_{false};
  std::uint16_t status_;
  std::atomic<std::uint64_t> checked_;  ///< purge clock up to which it is known to live
  CacheKey key_;
  Seq born_;
  BaseId base_;
  WallTime request_time_;
  WallTime response_time_;
  std::uint32_t initial_age_;
  std::uint32_t lifetime_;
  std::uint32_t swr_;
  std::uint32_t sie_;
  std::uint32_t flags_;
  std::uint32_t tag_count_;
  std::uint32_t text_end_[kTexts];
  std::uint64_t charge_;
  Ref<Body> body_;
  MemoryBudget& budget_;
  // The tier's books, under its lock.
  Object* older_ = nullptr;
  Object* newer_ = nullptr;
  std::uint8_t queue_ = 0;
  std::atomic<bool> on_disk_{false};  ///< the disk tier's
};

}  // namespace yz::cache
