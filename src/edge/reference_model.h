#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace yz::edge::testing {

/// What an origin of the model says of a response's caching, in its own words and as RFC 9111 means them.
struct ModelPolicy {
  const char* cache_control;
  int lifetime;              ///< seconds; -1: names none
  bool is_stored = true;     ///< a shared cache may keep it
  bool is_no_cache = false;  ///< never reused without validation
  bool never_stale = false;  ///< no stale answers, whatever happens
  int stale_while_revalidate = 0;
  int stale_if_error = -1;  ///< -1: the operator's default
};

inline constexpr ModelPolicy kModelPolicies[] = {
    {"max-age=10", 10},
    {"public, max-age=20", 20},
    {"max-age=10, must-revalidate", 10, true, false, true},
    {"max-age=4, proxy-revalidate", 4, true, false, true},
    {"s-maxage=8, max-age=1", 8, true, false, true},
    {"max-age=5, stale-while-revalidate=10", 5, true, false, false, 10},
    {"max-age=5, stale-if-error=20", 5, true, false, false, 0, 20},
    {"max-age=3, stale-if-error=0", 3, true, false, false, 0, 0},
    {"no-cache", -1, true, true, true},
    {"no-cache, max-age=30", 30, true, true, true},
    {"max-age=0", 0},
    {"", -1},
    {"no-store", -1, false},
    {"private, max-age=10", 10, false},
};

/// A request's directives, those that the rfc profile honours.
enum class ModelAsk : std::uint8_t {
  kPlain,
  kNoCache,
  kMaxAge0,
  kMaxAge3,
  kMinFresh5,
  kMaxStale,
  kMaxStale4,
  kOnlyIfCached,
  kNoStore,
  kCount
};
inline constexpr const char* kModelAsks[] = {"",          "no-cache",    "max-age=0",      "max-age=3", "min-fresh=5",
                                             "max-stale", "max-stale=4", "only-if-cached", "no-store"};

/// The reference: a shared cache after RFC 9111 in maps, with purges, no concurrency and no limits. Independent of the
/// code under test: it knows nothing but the policies above. Times in whole seconds.
class ReferenceCache {
 public:
  /// What the origin would say now to a GET of one URL.
  struct Origin {
    int version = 1;
    std::size_t policy = 0;
    bool varies = false;  ///< by the field "Lang"
    int age = 0;          ///< its Age field
    bool is_down = false;
    int tag = 0;
  };
  /// What a client should see, and whether the origin should.
  struct Expected {
    int status = 200;
    std::string body;  ///< not looked at for HEAD and errors
    int origin_requests = 0;
    bool revalidates_behind = false;  ///< one more request follows after the answer
  };

  static constexpr int kOperatorStaleOnError = 60;

  [[nodiscard]] static std::string body_of(const std::string& url, const Origin& origin, const std::string& lang) {
    return url + " v" + std::to_string(origin.version) + (origin.varies ? " " + lang : "");
  }

  Expected get(const std::string& url, const std::string& lang, ModelAsk ask, const Origin& origin, bool is_head) {
    Stored* const stored = find(url, lang);
    if (stored != nullptr) {
      const int left = stored->lifetime - age(*stored);
      const Reuse reuse = stored->is_soft_purged ? Reuse::kValidate : decide(*stored, left, ask);
      const bool waits = reuse != Reuse::kServe && is_waiting(key_of(url, lang));
      if (reuse == Reuse::kServe) return {200, stored->body, 0, false};
      if (reuse == Reuse::kServeAndRevalidate) {
        Expected out{200, stored->body, 0, !waits};
        if (!waits) validate(url, lang, ask, origin);
        return out;
      }
      if (waits && may_stand_in(*stored)) return {200, stored->body, 0, false};
    }
    if (ask == ModelAsk::kOnlyIfCached) return {504, "", 0, false};
    if (is_head) return pass_head(url, lang, ask, origin);
    return validate(url, lang, ask, origin);
  }

  /// An unsafe method; the origin answers 204 unless it is down.
  Expected post(const std::string& url, const Origin& origin) {
    if (origin.is_down) return {503, "", 1, false};
    entries_.erase(url);
    return {204, "", 1, false};
  }

  void purge_url(const std::string& url, bool is_hard) {
    purge([&](const std::string& u, const Stored&) { return u == url; }, is_hard);
  }
  void purge_directory(const std::string& directory, bool is_hard) {
    purge([&](const std::string& u, const Stored&) { return u.starts_with(directory); }, is_hard);
  }
  void purge_tag(int tag, bool is_hard) {
    purge([&](const std::string&, const Stored& s) { return s.tag == tag; }, is_hard);
  }
  void purge_all(bool is_hard) {
    purge([](const std::string&, const Stored&) { return true; }, is_hard);
  }
  void advance(int seconds) { now_ += seconds; }

 private:
  enum class Reuse : std::uint8_t { kServe, kServeAndRevalidate, kValidate };
  struct Stored {
    std::string body;
    int version = 0;
    int stored_at = 0;
    int initial_age = 0;
    int lifetime = 0;
    ModelPolicy policy = kModelPolicies[0];
    int tag = 0;
    bool is_soft_purged = false;
  };
  struct Entry {
    bool varies = false;
    std::map<std::string, Stored> variants;
  };
  struct Backoff {
    int until = 0;
    int wait = 0;
  };

  [[nodiscard]] std::string variant_of(const std::string& url, const std::string& lang) const {
    const auto entry = entries_.find(url);
    return entry != entries_.end() && entry->second.varies ? lang : "";
  }
  [[nodiscard]] std::string key_of(const std::string& url, const std::string& lang) const {
    return url + "#" + variant_of(url, lang);
  }
  [[nodiscard]] Stored* find(const std::string& url, const std::string& lang) {
    const auto entry = entries_.find(url);
    if (entry == entries_.end()) return nullptr;
    const auto variant = entry->second.variants.find(entry->second.varies ? lang : "");
    return variant == entry->second.variants.end() ? nullptr : &variant->second;
  }
  [[nodiscard]] int age(const Stored& stored) const { return stored.initial_age + now_ - stored.stored_at; }
  [[nodiscard]] bool is_waiting(const std::string& key) const {
    const auto found = backoff_.find(key);
    return found != backoff_.end() && found->second.until > now_;
  }
  void note_failure(const std::string& key) {
    Backoff& backoff = backoff_[key];
    backoff.wait = std::clamp(backoff.wait * 2, 1, 30);
    backoff.until = now_ + backoff.wait;
  }

  /// RFC 9111 §4.2, §5.2.1, RFC 5861 §3.
  [[nodiscard]] Reuse decide(const Stored& stored, int left, ModelAsk ask) const {
    if (stored.policy.is_no_cache || ask == ModelAsk::kNoCache) return Reuse::kValidate;
    const int age_now = stored.lifetime - left;
    if (ask == ModelAsk::kMaxAge0 && age_now > 0) return Reuse::kValidate;
    if (ask == ModelAsk::kMaxAge3 && age_now > 3) return Reuse::kValidate;
    if (ask == ModelAsk::kMinFresh5 && left < 5) return Reuse::kValidate;
    if (left > 0) return Reuse::kServe;
    if (stored.policy.never_stale) return Reuse::kValidate;
    if (ask == ModelAsk::kMaxStale) return Reuse::kServe;
    if (ask == ModelAsk::kMaxStale4 && -left <= 4) return Reuse::kServe;
    return -left < stored.policy.stale_while_revalidate ? Reuse::kServeAndRevalidate : Reuse::kValidate;
  }

  /// RFC 9111 §4.2.4, RFC 5861 §4.
  [[nodiscard]] bool may_stand_in(const Stored& stored) const {
    if (stored.policy.never_stale) return false;
    const int stale_for = age(stored) - stored.lifetime;
    const int allowed = stored.policy.stale_if_error >= 0 ? stored.policy.stale_if_error : kOperatorStaleOnError;
    return stale_for < 0 || stale_for < allowed;
  }

  [[nodiscard]] Stored made_of(const std::string& url, const std::string& lang, const Origin& origin) const {
    const ModelPolicy& policy = kModelPolicies[origin.policy];
    return {body_of(url, origin, lang),   origin.version, now_,       origin.age,
            std::max(policy.lifetime, 0), policy,         origin.tag, false};
  }

  /// A stored response under the fields of a 304 or a HEAD (RFC 9111 §3.2): what those do not name stays as it was.
  [[nodiscard]] Stored freshened(const Stored& stored, const std::string& url, const std::string& lang,
                                 const Origin& origin) const {
    Stored fresh = made_of(url, lang, origin);
    fresh.body = stored.body;
    if (*kModelPolicies[origin.policy].cache_control == '\0') {
      fresh.policy = stored.policy;
      fresh.lifetime = stored.lifetime;
    }
    return fresh;
  }

  void keep(const std::string& url, const std::string& lang, const Origin& origin, Stored stored) {
    Entry& entry = entries_[url];
    if (entry.varies != origin.varies) entry.variants.clear();
    entry.varies = origin.varies;
    entry.variants[origin.varies ? lang : ""] = std::move(stored);
  }
  void drop(const std::string& url, const std::string& lang) {
    const auto entry = entries_.find(url);
    if (entry == entries_.end()) return;
    entry->second.variants.erase(entry->second.varies ? lang : "");
    if (entry->second.variants.empty()) entries_.erase(entry);
  }

  /// A GET that goes to the origin, with the stored version's validator if there is one.
  Expected validate(const std::string& url, const std::string& lang, ModelAsk ask, const Origin& origin) {
    Stored* const stored = find(url, lang);
    const std::string key = key_of(url, lang);
    if (origin.is_down) {
      if (stored == nullptr) return {503, "", 1, false};
      if (may_stand_in(*stored)) {
        note_failure(key);
        return {200, stored->body, 1, false};
      }
      backoff_.erase(key);  // the origin's 503 is an answer, and passed on
      return {503, "", 1, false};
    }
    if (stored != nullptr) backoff_.erase(key);
    const bool is_not_modified = stored != nullptr && stored->version == origin.version;
    const bool is_stored = kModelPolicies[origin.policy].is_stored && ask != ModelAsk::kNoStore;
    if (is_not_modified) {
      // The body is the one stored, whatever else changed (RFC 9111 §4.3.4).
      Stored fresh = freshened(*stored, url, lang, origin);
      const std::string body = fresh.body;
      if (is_stored) {
        *stored = std::move(fresh);
      } else {
        drop(url, lang);
      }
      return {200, body, 1, false};
    }
    Stored fresh = made_of(url, lang, origin);
    const std::string body = fresh.body;
    if (is_stored) keep(url, lang, origin, std::move(fresh));
    return {200, body, 1, false};
  }

  /// RFC 9111 §4.3.5.
  Expected pass_head(const std::string& url, const std::string& lang, ModelAsk ask, const Origin& origin) {
    if (origin.is_down) return {503, "", 1, false};
    Stored* const stored = find(url, lang);
    if (stored == nullptr) return {200, "", 1, false};
    const bool is_same = stored->version == origin.version && stored->body.size() == body_of(url, origin, lang).size();
    if (is_same && kModelPolicies[origin.policy].is_stored && ask != ModelAsk::kNoStore) {
      *stored = freshened(*stored, url, lang, origin);
    } else {
      drop(url, lang);
    }
    return {200, "", 1, false};
  }

  template <typename Hits>
  void purge(Hits&& hits, bool is_hard) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      auto& variants = entry->second.variants;
      for (auto it = variants.begin(); it != variants.end();) {
        if (!hits(entry->first, it->second)) {
          ++it;
        } else if (is_hard) {
          it = variants.erase(it);
        } else {
          it->second.is_soft_purged = true;
          ++it;
        }
      }
      entry = variants.empty() ? entries_.erase(entry) : std::next(entry);
    }
  }

  int now_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::string, Backoff> backoff_;
};

}  // namespace yz::edge::testing
