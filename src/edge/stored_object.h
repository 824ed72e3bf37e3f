#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/object.h"
#include "http/freshness.h"
#include "http/header_map.h"

namespace yz::edge {

/// How this room uses what the cache keeps for it (ObjectMeta::flags, ::extra and the head).
///
/// The stored head is the status line and all end-to-end fields but Age and Content-Length, which are written at each
/// hit.

/// The decisions of http::StoredPolicy that fit in flags.
enum ObjectFlag : std::uint8_t {
  kHeuristic = 1,
  kNoCache = 2,
  kNeverStale = 4,
  kHasValidator = 8,
  kHasStaleIfError = 16,
  kSliced = 32,    ///< the root of a large object: has no body, its slices are objects of their own (sliced_object.h)
  kNoRanges = 64,  ///< a 200 that came with a Content-Range, which ours must not contradict
};

/// The caching rules' view of a stored response. Costs a few loads.
[[nodiscard]] http::StoredPolicy policy_of(const cache::Object& object);

[[nodiscard]] inline bool is_sliced(const cache::Object& object) { return (object.flags() & kSliced) != 0; }

/// The body's length as the head told it; and what is in ObjectMeta::extra: of a root the size of its slices, and the
/// Date field.
struct ObjectExtra {
  std::optional<std::uint64_t> length;
  std::uint32_t slice_size = 0;
  std::string_view date;
};
[[nodiscard]] ObjectExtra extra_of(const cache::Object& object);

/// Bytes of the representation: those of the body, or of all slices.
[[nodiscard]] std::uint64_t representation_length(const cache::Object& object);

/// The fields that conditions are evaluated against (ETag, Last-Modified, Date), without parsing the stored head.
class StoredValidators {
 public:
  explicit StoredValidators(const cache::Object& object);
  [[nodiscard]] http::Fields fields() const { return http::Fields(std::span(lines_.data(), count_)); }

 private:
  std::array<http::Field, 3> lines_;
  std::size_t count_ = 0;
};

/// All stored fields, parsed again. Allocates; not for the hit path.
[[nodiscard]] http::HeaderMap stored_fields(const cache::Object& object);

/// Owns the texts that an ObjectMeta refers to, between the origin's head and the store.
class ObjectDraft {
 public:
  /// From an origin's (or merged) response: end-to-end fields only, Via with our name added. `policy` and `variant` as
  /// decided. The draft must outlive the use of meta().
  ObjectDraft(http::StatusCode status, http::Fields response, const http::StoredPolicy& policy, WallTime request_time,
              std::optional<std::uint64_t> length, std::string_view via);

  /// Names the object and its purge identity. Texts are referred to, not copied.
  void place(const cache::CacheKey& key, cache::BaseId base, cache::Seq born, std::string_view host,
             std::string_view target);
  /// The response varies by these names (joined by ','); the key's variant is the caller's to set.
  void set_vary(std::string names) { vary_ = std::move(names), meta_.vary = vary_; }
  /// Makes it the root of an object in slices; its length must be known.
  void set_slices(std::uint32_t slice_size);
  [[nodiscard]] cache::ObjectMeta& meta() { return meta_; }

  ObjectDraft(const ObjectDraft&) = delete;
  ObjectDraft& operator=(const ObjectDraft&) = delete;

 private:
  void read_tags(http::Fields response, std::string_view host);
  void write_extra(std::uint32_t slice_size);

  cache::ObjectMeta meta_;
  http::HeaderMap fields_;
  std::string head_;
  std::string vary_;
  std::string extra_;
  std::vector<std::uint32_t> tags_;
};

/// Names joined by ',' as VaryRule keeps them.
[[nodiscard]] std::string join_names(const std::vector<std::string>& names);
/// The variant, among those that vary by `names`, of this request if it asked for just this language; none when they do
/// not vary by Accept-Language.
[[nodiscard]] std::optional<Hash128> language_variant(std::string_view names, http::Fields request,
                                                      std::string_view language, std::string& scratch);
/// This request's variant among those that vary by `names` (joined by ','). `scratch` saves allocations.
[[nodiscard]] Hash128 variant_of(std::string_view names, http::Fields request, std::string& scratch);

}  // namespace yz::edge
