#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "cache/disk/disk_tier.h"
#include "cache/fill.h"
#include "cache/key.h"
#include "cache/object.h"
#include "cache/purge_log.h"
#include "cache/vary.h"

namespace yz::metrics {
class Registry;
}

namespace yz::cache {

class MemoryTier;
class FillTable;
class InvalidationMarks;
class PassTable;

struct CacheOptions {
  ByteCount memory = mib(256);  ///< hard limit on all the cache holds
  ByteCount max_object{0};      ///< larger ones pass through; 0: an eighth of `memory`
  ByteCount window = mib(2);    ///< of what passes through: how far apart producer and readers may be
  std::chrono::milliseconds leader_timeout{10'000};  ///< a fill without a head for longer is no longer joined
  PurgeLog::Options purge;
  DiskOptions disk;  ///< what lies under the memory; none by default
};

/// What a lookup found.
struct Lookup {
  /// The stored response, alive or soft-purged (`is_soft_purged`); none: a miss.
  Ref<Object> object;
  /// The key it is or would be stored under, its variant filled in where a Vary is known.
  CacheKey key;
  /// Set where the URL varies.
  Ref<VaryRule> rule;
};

/// What asking to bring something in comes to: exactly one of the four.
struct Joined {
  FillWriter lead;       ///< you are to fetch it
  Ref<Fill> follow;      ///< somebody does already: make a FillReader
  Ref<Object> arrived;   ///< it was stored since you looked
  bool is_pass = false;  ///< known not to be shareable, or no room to share it: fetch it for yourself alone
};

struct CacheStats {
  std::uint64_t memory_used = 0;  ///< never above the limit
  std::uint64_t memory_limit = 0;
  std::uint64_t objects = 0;
  std::uint64_t small_bytes = 0;
  std::uint64_t main_bytes = 0;
  std::uint64_t stored = 0;   ///< objects ever stored
  std::uint64_t evicted = 0;  ///< thrown out for room
  std::uint64_t purged = 0;   ///< thrown out because a purge hit them
  std::uint64_t refused = 0;  ///< complete, but not kept: too large, no room, or purged while in flight
  std::uint64_t ghost_hits = 0;
  std::uint64_t fills = 0;  ///< in flight now
};

/// The store of one edge process, shared by its workers. It stores and never decides: whether a response may be stored,
/// is fresh or matches is the caller's to say (http room). All functions are for any thread.
class Cache {
 public:
  /// Fails as PurgeLog::open does.
  [[nodiscard]] static Result<std::unique_ptr<Cache>> open(CacheOptions options);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Finds the response for a primary key. Where its URL varies, `variant_of(std::string_view vary) -> Hash128` is
  /// asked for this request's variant (fold values with `variant_with`). Takes no lock, allocates nothing. What a hard
  /// purge hit is not found.
  template <typename VariantOf>
  [[nodiscard]] Lookup lookup(Hash128 primary, VariantOf&& variant_of) {
    Lookup found = find_primary(primary);
    if (found.rule) {
      found.key.variant = variant_of(found.rule->names());
      find_variant(found);
    }
    return found;
  }

  /// Leads or follows the fill for a key (after a miss, or to revalidate). A fill that a purge overtook, or whose
  /// leader shows no head for `leader_timeout`, is not joined: the caller leads a new one, `born` now.
  /// `seen` is what the lookup before gave (stale, or null): only something newer counts as arrived.
  [[nodiscard]] Joined join(const CacheKey& key, BaseId base, std::string_view host, std::string_view target,
                            MonoTime now, const Object* seen = nullptr);

  /// For `begin_store`: to be taken before the origin is asked.
  [[nodiscard]] Moment moment(Hash128 primary) const;
  /// Begins to store the answer to a request that was sent at `asked` without a fill, now that it proved to be
  /// shareable; later requests may follow. None when somebody else brings it in already, or there is no room.
  [[nodiscard]] FillWriter begin_store(const CacheKey& key, BaseId base, std::string_view host, std::string_view target,
                                       MonoTime now, const Moment& asked);
  /// The slot's response cannot be shared: until then `join` says so at once (hit-for-miss).
  void pass_until(Hash128 slot, MonoTime until);
  /// Takes that back: the next request leads a fill.
  void forget_pass(Hash128 slot);

  /// A new head on an old body (304, RFC 9111 §4.3.4), to be given to `FillWriter::finish_with`. None without room.
  [[nodiscard]] Ref<Object> make_refreshed(const Object& old, const ObjectMeta& meta);
  /// A head without a body, to be given to `FillWriter::finish_with`: what stands for a body that is stored in parts.
  /// None without room.
  [[nodiscard]] Ref<Object> make_head(const ObjectMeta& meta);
  /// Stores a whole small response in one step; none when it is too large, purged or there is no room.
  Ref<Object> store(const ObjectMeta& meta, std::string_view body);
  /// Drops one object (RFC 9111 §4.4 invalidation, or a broken one), on disk, too.
  void remove(const Object& object);
  /// Drops a URL with all its variants, on this node alone and without a record in the purge log: invalidation by an
  /// unsafe method (RFC 9111 §4.4). A fill in flight for it, whichever the variant, is no longer joined nor stored.
  void invalidate(Hash128 primary);

  /// True when what `lookup` did not find may be on disk.
  [[nodiscard]] bool may_recall(const Lookup& found) const {
    return disk_ != nullptr && !found.object && disk_->holds(found.key.slot());
  }
  /// Brings what is on disk under a key into memory: the object, or the rule of a URL that varies. True: look up again.
  /// Never an error; reads once however many ask.
  [[nodiscard]] io::Task<bool> recall(CacheKey key);
  /// Begins that without waiting for it.
  void start_recall(CacheKey key);
  /// Writes some of what memory has and is used to disk, so that it outlives a crash. Call it from a timer, off the
  /// reactors of viewers.
  void write_behind();
  /// Before the end: writes all that is used and waits until it is on disk, or `most` has passed. Not on a reactor.
  void save(std::chrono::milliseconds most);
  /// Null: there is none.
  [[nodiscard]] DiskTier* disk() { return disk_.get(); }

  [[nodiscard]] PurgeLog& purges() { return *purges_; }
  /// Frees what purges killed, a shard at a time; true while there is more to do. Call it from a timer.
  [[nodiscard]] bool sweep();

  [[nodiscard]] CacheStats stats() const;
  /// Declares yz_cache_* in the registry; the cache must outlive it.
  void expose(metrics::Registry& registry);

 private:
  friend class Fill;
  friend class FillWriter;
  friend class FillReader;
  explicit Cache(CacheOptions options);
  [[nodiscard]] Lookup find_primary(Hash128 primary);
  void find_variant(Lookup& found);
  [[nodiscard]] bool keep(const Ref<Object>& object);
  void forget_rule_unless(Hash128 primary, std::string_view names);
  void take_if_alive(Lookup& found, Ref<Object> object);
  void drop_dead(const Ref<Object>& object);

  CacheOptions options_;
  std::atomic<std::uint64_t> purged_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::mutex sweep_mutex_;
  std::uint64_t swept_to_ = 0;     ///< purge clock the last full sweep began at
  std::uint64_t sweep_until_ = 0;  ///< purge clock this one began at
  std::size_t sweep_shard_ = 0;
  std::unique_ptr<PurgeLog> purges_;
  std::unique_ptr<MemoryTier> tier_;
  std::unique_ptr<FillTable> fills_;
  std::unique_ptr<PassTable> passes_;
  std::unique_ptr<InvalidationMarks> invalidations_;
  std::size_t behind_shard_ = 0;    ///< where write_behind goes on; under sweep_mutex_
  std::unique_ptr<DiskTier> disk_;  // ends before what it brings back to
};

}  // namespace yz::cache
