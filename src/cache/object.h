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
  std::uint8_t flags = 0;
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

/// A stored response. Immutable but for a few words the cache keeps its own books in; any worker may read it for as
/// long as it holds a Ref. Made whole: head and body.
///
/// All of it is one block of the cache's arena: 64 bytes of what every object has, the texts, a small body, and at the
/// end of the block what only some have (`Extra`). A text that is part of the stored head is not kept twice.
class Object {
 public:
  /// Bodies up to this size lie with their object.
  static constexpr std::uint32_t kMaxInline = FileSlab::kMinSlot - 1;
  /// None when the budget has no room, or the head is larger than any that is stored (64 KB with its texts).
  /// `body` may be none for an empty one.
  [[nodiscard]] static Ref<Object> make(Arena& arena, const ObjectMeta& meta, Ref<Body> body = {});
  /// The same with a body of at most kMaxInline bytes, given in runs.
  [[nodiscard]] static Ref<Object> make(Arena& arena, const ObjectMeta& meta, std::span<const std::string_view> body);

  /// False when its head is larger than any that is stored.
  [[nodiscard]] static bool can_hold(const ObjectMeta& meta);

  [[nodiscard]] CacheKey key() const;
  /// `key().slot()`.
  [[nodiscard]] Hash128 slot() const { return slot_; }
  [[nodiscard]] BaseId base() const;
  [[nodiscard]] Seq born() const { return Seq{born_}; }
  [[nodiscard]] std::uint16_t status() const { return status_; }
  [[nodiscard]] std::uint32_t flags() const { return flags_; }
  /// To the millisecond, as is response_time.
  [[nodiscard]] WallTime request_time() const;
  [[nodiscard]] WallTime response_time() const { return WallTime(std::chrono::milliseconds(response_ms_)); }
  [[nodiscard]] std::chrono::seconds initial_age() const { return seconds_of(kInitialAge); }
  [[nodiscard]] std::chrono::seconds lifetime() const { return std::chrono::seconds(lifetime_); }
  [[nodiscard]] std::chrono::seconds stale_while_revalidate() const { return seconds_of(kWhileRevalidate); }
  [[nodiscard]] std::chrono::seconds stale_if_error() const { return seconds_of(kIfError); }
  /// current_age at `now` (RFC 9111 §4.2.3), never negative.
  [[nodiscard]] std::chrono::seconds age(WallTime now) const;
  /// The body's length as the head told it.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;

  [[nodiscard]] std::string_view head_before_age() const { return {texts(), head_size_}; }
  [[nodiscard]] std::string_view head_after_age() const { return text(kHeadAfter); }
  [[nodiscard]] std::string_view host() const { return {texts() + head_size_, host_size_}; }
  [[nodiscard]] std::string_view target() const { return {texts() + head_size_ + host_size_, target_size_}; }
  [[nodiscard]] std::string_view etag() const { return text(kEtag); }
  [[nodiscard]] std::string_view last_modified() const { return text(kLastModified); }
  [[nodiscard]] std::string_view vary() const { return text(kVary); }
  [[nodiscard]] std::string_view extra() const { return text(kOwn); }
  [[nodiscard]] std::span<const std::uint32_t> tags() const;
  /// All of the above as views into this object, to be changed and made anew (304).
  [[nodiscard]] ObjectMeta meta() const;
  [[nodiscard]] BodyView body() const;
  /// None where the body lies with the object.
  [[nodiscard]] Ref<Body> share_body() const;
  [[nodiscard]] std::uint64_t body_size() const { return has(kBody) ? body().size() : body_size_; }
  /// True once a soft purge hit it: to be treated as stale whatever its age, and never served without revalidation.
  [[nodiscard]] bool is_soft_purged() const { return (marks_.load(std::memory_order_relaxed) & kSoftPurged) != 0; }

  /// True once a record of just this object was on disk; it may have been given up since. Any thread.
  [[nodiscard]] bool is_on_disk() const { return (marks_.load(std::memory_order_relaxed) & kOnDisk) != 0; }
  void note_on_disk() { marks_.fetch_or(kOnDisk, std::memory_order_relaxed); }

  /// Bytes of memory it takes, all included but its share of the index.
  [[nodiscard]] std::uint64_t weight() const;

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  /// For the index only, inside an Epoch::Guard: false when the object is already on its way out.
  [[nodiscard]] bool try_acquire();
  void release();

 private:
  friend class PurgeLog;
  friend class S3Fifo;
  friend class MemoryTier;
  struct Plan;

  /// What only some objects have, in the order of the bits of `extras_`, from the end of the block down: first those of
  /// eight bytes, then those of four, then the tags.
  enum Extra : std::uint16_t {
    kVariant = 1 << 0,     ///< the key's variant: sixteen bytes
    kBase = 1 << 1,        ///< base id, where it is not that of host and target
    kBody = 1 << 2,        ///< Body*, its reference ours
    kLength = 1 << 3,      ///< content length, where it is not the body's
    kInitialAge = 1 << 4,  ///< s
    kWhileRevalidate = 1 << 5,
    kIfError = 1 << 6,
    kRequestTook = 1 << 7,  ///< ms from request to response
    kHeadAfter = 1 << 8,    ///< texts: where among the texts, and how long: 16 bits each
    kEtag = 1 << 9,
    kLastModified = 1 << 10,
    kVary = 1 << 11,
    kOwn = 1 << 12,
    kTags = 1 << 13,           ///< how many; they follow
    kLengthIsBodys = 1 << 14,  ///< takes no room
  };
  static constexpr std::uint32_t kEights = 0xf;
  static constexpr std::uint32_t kFours = 0x3ff0;
  enum Mark : std::uint8_t { kSoftPurged = 1, kOnDisk = 2 };

  Object(Arena& arena, const ObjectMeta& meta, const Plan& plan);
  ~Object() = default;
  [[nodiscard]] static Ref<Object> make(Arena& arena, const ObjectMeta& meta, Plan& plan);
  static void destroy(void* object);
  [[nodiscard]] bool has(Extra which) const { return (extras_ & which) != 0; }
  [[nodiscard]] const char* texts() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] char* texts() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* place(Extra which) const;
  [[nodiscard]] std::uint64_t eight(Extra which) const;
  [[nodiscard]] std::uint32_t four(Extra which) const;
  [[nodiscard]] std::chrono::seconds seconds_of(Extra which) const {
    return std::chrono::seconds(has(which) ? four(which) : 0);
  }
  [[nodiscard]] std::string_view text(Extra which) const;
  /// Texts that stand before the body.
  [[nodiscard]] std::uint32_t leading() const { return std::uint32_t{head_size_} + host_size_ + target_size_; }
  [[nodiscard]] std::uint64_t checked() const { return born_ + checked_after_.load(std::memory_order_acquire); }
  void set_checked(std::uint64_t clock);

  std::atomic<std::uint32_t> references_{1};
  std::atomic<std::uint32_t> checked_after_{0};  ///< purge clock up to which it is known to live, less `born_`
  const Hash128 slot_;
  const std::uint64_t born_ : 48;
  const std::uint64_t status_ : 16;
  const std::uint64_t response_ms_ : 48;
  const std::uint64_t extras_ : 16;
  const std::uint32_t lifetime_;
  const std::uint16_t body_size_;  ///< of a body that lies here
  const std::uint16_t head_size_;
  const std::uint16_t target_size_;
  const std::uint8_t host_size_;
  const std::uint8_t flags_;
  std::atomic<std::uint8_t> freq_{0};  ///< S3-FIFO's counter, saturating at 3
  std::atomic<std::uint8_t> marks_{0};
  const std::uint8_t arena_;
  // The tier's books, under its lock.
  std::uint8_t queue_ = 0;
  std::uint32_t older_ = 0;  ///< links of the arena
  std::uint32_t newer_ = 0;
};
static_assert(sizeof(Object) == 64);

}  // namespace yz::cache
