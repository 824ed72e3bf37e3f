#include "cache/object.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "base/result.h"
#include "cache/epoch.h"

namespace yz::cache {

namespace {

constexpr std::uint64_t kMaxClock = (1ULL << 48) - 1;

std::uint32_t clamp_seconds(std::chrono::seconds s) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(s.count(), 0, UINT32_MAX));
}

std::uint64_t ms_of(WallTime time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(ms, 0, static_cast<std::int64_t>(kMaxClock)));
}

/// Where `text` stands in `all`, or npos. Views into it are seen at once.
std::size_t place_in(std::string_view all, std::string_view text) {
  if (text.data() >= all.data() && text.data() + text.size() <= all.data() + all.size()) {
    return static_cast<std::size_t>(text.data() - all.data());
  }
  return all.find(text);
}

}  // namespace

/// What an object will be made of, worked out before its block is taken.
struct Object::Plan {
  struct Text {
    Extra which;
    std::string_view text;
    std::uint16_t at = 0;
    bool is_in_head = false;
  };
  Ref<Body> shared;
  std::span<const std::string_view> runs;
  std::uint32_t inline_size = 0;
  std::uint16_t extras = 0;
  std::array<Text, 5> texts;
  std::uint32_t took_ms = 0;
  std::uint64_t size = 0;  ///< of the block

  void make(const ObjectMeta& m) {
    texts = {Text{kHeadAfter, m.head_after_age}, Text{kEtag, m.etag}, Text{kLastModified, m.last_modified},
             Text{kVary, m.vary}, Text{kOwn, m.extra}};
    const std::size_t leading = m.head_before_age.size() + m.host.size() + m.target.size();
    std::size_t end = leading;
    for (Text& text : texts) {
      if (text.text.empty()) continue;
      add(text.which);
      const std::size_t at = place_in(m.head_before_age, text.text);
      text.is_in_head = at != std::string_view::npos;
      text.at = static_cast<std::uint16_t>(text.is_in_head ? at : end);
      if (!text.is_in_head) end += text.text.size();
    }
    const std::uint64_t body_size = shared ? shared->size() : inline_size;
    if (m.key.variant != Hash128{}) add(kVariant);
    if (m.base != base_id(m.host, m.target)) add(kBase);
    if (shared) add(kBody);
    if (m.content_length) add(*m.content_length == body_size ? kLengthIsBodys : kLength);
    if (clamp_seconds(m.initial_age) != 0) add(kInitialAge);
    if (clamp_seconds(m.stale_while_revalidate) != 0) add(kWhileRevalidate);
    if (clamp_seconds(m.stale_if_error) != 0) add(kIfError);
    const std::uint64_t sent = ms_of(m.request_time);
    const std::uint64_t received = ms_of(m.response_time);
    took_ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(received > sent ? received - sent : 0, UINT32_MAX));
    if (took_ms != 0) add(kRequestTook);
    if (!m.tags.empty()) add(kTags);
    size = sizeof(Object) + end + inline_size + extras_size(m.tags.size());
  }
  void add(Extra which) { extras = static_cast<std::uint16_t>(extras | which); }
  [[nodiscard]] std::size_t extras_size(std::size_t tags) const {
    const auto eights = static_cast<std::size_t>(std::popcount(extras & kEights)) + ((extras & kVariant) != 0 ? 1 : 0);
    return eights * 8 + (static_cast<std::size_t>(std::popcount(extras & kFours)) + tags) * 4;
  }
};

Ref<Object> Object::make(Arena& arena, const ObjectMeta& meta, Ref<Body> body) {
  Plan plan;
  plan.shared = std::move(body);
  return make(arena, meta, plan);
}

Ref<Object> Object::make(Arena& arena, const ObjectMeta& meta, std::span<const std::string_view> body) {
  Plan plan;
  plan.runs = body;
  for (const std::string_view run : body) plan.inline_size += static_cast<std::uint32_t>(run.size());
  YZ_ASSERT(plan.inline_size <= kMaxInline);
  return make(arena, meta, plan);
}

bool Object::can_hold(const ObjectMeta& meta) {
  const std::size_t texts = meta.head_before_age.size() + meta.host.size() + meta.target.size() +
                            meta.head_after_age.size() + meta.etag.size() + meta.last_modified.size() +
                            meta.vary.size() + meta.extra.size();
  return texts <= UINT16_MAX && meta.host.size() <= UINT8_MAX && meta.tags.size() <= UINT16_MAX;
}

Ref<Object> Object::make(Arena& arena, const ObjectMeta& meta, Plan& plan) {
  if (!can_hold(meta)) return {};
  plan.make(meta);
  void* const memory = arena.take(plan.size);
  return memory == nullptr ? Ref<Object>{} : Ref<Object>::adopt(new (memory) Object(arena, meta, plan));
}

Object::Object(Arena& arena, const ObjectMeta& meta, const Plan& plan)
    : slot_(meta.key.slot()),
      born_(std::min(meta.born.value, kMaxClock)),
      status_(meta.status),
      response_ms_(ms_of(meta.response_time)),
      extras_(plan.extras),
      lifetime_(clamp_seconds(meta.lifetime)),
      body_size_(static_cast<std::uint16_t>(plan.inline_size)),
      head_size_(static_cast<std::uint16_t>(meta.head_before_age.size())),
      target_size_(static_cast<std::uint16_t>(meta.target.size())),
      host_size_(static_cast<std::uint8_t>(meta.host.size())),
      flags_(meta.flags),
      arena_(arena.id()) {
  char* to = texts();
  const auto append = [&to](std::string_view text) {
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    to += text.size();
  };
  append(meta.head_before_age);
  append(meta.host);
  append(meta.target);
  for (const std::string_view run : plan.runs) append(run);
  for (const Plan::Text& text : plan.texts) {
    if (!text.is_in_head) append(text.text);
  }
  const auto set = [this](Extra which, const auto& value) {
    if (has(which)) std::memcpy(const_cast<char*>(place(which)), &value, sizeof value);
  };
  set(kVariant, meta.key.variant);
  set(kBase, meta.base.value);
  if (has(kBody)) set(kBody, Ref<Body>(plan.shared).detach());
  if (has(kLength)) set(kLength, *meta.content_length);
  set(kInitialAge, clamp_seconds(meta.initial_age));
  set(kWhileRevalidate, clamp_seconds(meta.stale_while_revalidate));
  set(kIfError, clamp_seconds(meta.stale_if_error));
  set(kRequestTook, plan.took_ms);
  for (const Plan::Text& text : plan.texts) {
    set(text.which, static_cast<std::uint32_t>(text.at | text.text.size() << 16));
  }
  if (!has(kTags)) return;
  set(kTags, static_cast<std::uint32_t>(meta.tags.size()));
  std::memcpy(const_cast<char*>(place(kTags)) - meta.tags.size_bytes(), meta.tags.data(), meta.tags.size_bytes());
}

// --- what only some have ---

/// Where it stands: counted from the end of the block, the lowest bits last.
const char* Object::place(Extra which) const {
  const char* const end = reinterpret_cast<const char*>(this) + Arena::of(arena_).size_of(this) - 4;
  const std::uint32_t up_to = extras_ & (2U * which - 1);
  const int eights = std::popcount(up_to & kEights) + ((up_to & kVariant) != 0 ? 1 : 0);
  return end - eights * 8 - std::popcount(up_to & kFours) * 4;
}

std::uint64_t Object::eight(Extra which) const {
  std::uint64_t value = 0;
  std::memcpy(&value, place(which), sizeof value);
  return value;
}

std::uint32_t Object::four(Extra which) const {
  std::uint32_t value = 0;
  std::memcpy(&value, place(which), sizeof value);
  return value;
}

std::string_view Object::text(Extra which) const {
  if (!has(which)) return {};
  const std::uint32_t where = four(which);
  const std::uint32_t at = where & UINT16_MAX;
  return {texts() + at + (at >= leading() ? body_size_ : 0), where >> 16};
}

CacheKey Object::key() const {
  CacheKey key;
  if (has(kVariant)) std::memcpy(&key.variant, place(kVariant), sizeof key.variant);
  key.primary = CacheKey::primary_of(slot_, key.variant);
  return key;
}

BaseId Object::base() const { return has(kBase) ? BaseId{eight(kBase)} : base_id(host(), target()); }

WallTime Object::request_time() const {
  return response_time() - std::chrono::milliseconds(has(kRequestTook) ? four(kRequestTook) : 0);
}

std::optional<std::uint64_t> Object::content_length() const {
  if (has(kLength)) return eight(kLength);
  return has(kLengthIsBodys) ? std::optional(body_size()) : std::nullopt;
}

std::span<const std::uint32_t> Object::tags() const {
  if (!has(kTags)) return {};
  const std::uint32_t count = four(kTags);
  return {reinterpret_cast<const std::uint32_t*>(place(kTags)) - count, count};
}

BodyView Object::body() const {
  if (!has(kBody)) return BodyView(std::string_view(texts() + leading(), body_size_));
  return BodyView(*reinterpret_cast<const Body*>(eight(kBody)));
}

Ref<Body> Object::share_body() const {
  return has(kBody) ? Ref<Body>::share(reinterpret_cast<Body*>(eight(kBody))) : Ref<Body>{};
}

ObjectMeta Object::meta() const {
  ObjectMeta m;
  m.key = key();
  m.base = base();
  m.born = born();
  m.status = status();
  m.flags = flags_;
  m.request_time = request_time();
  m.response_time = response_time();
  m.initial_age = initial_age();
  m.lifetime = lifetime();
  m.stale_while_revalidate = stale_while_revalidate();
  m.stale_if_error = stale_if_error();
  m.content_length = content_length();
  m.head_before_age = head_before_age();
  m.head_after_age = head_after_age();
  m.host = host();
  m.target = target();
  m.etag = etag();
  m.last_modified = last_modified();
  m.vary = vary();
  m.extra = extra();
  m.tags = tags();
  return m;
}

std::chrono::seconds Object::age(WallTime now) const {
  const auto resident = std::chrono::floor<std::chrono::seconds>(now - response_time());
  return std::max(std::chrono::seconds(0), initial_age() + std::max(std::chrono::seconds(0), resident));
}

std::uint64_t Object::weight() const { return Arena::of(arena_).size_of(this) + (has(kBody) ? body().size() : 0); }

/// Past what 32 bits tell, it is looked up each time, which is slow and right.
void Object::set_checked(std::uint64_t clock) {
  const std::uint64_t after = clock > born_ ? clock - born_ : 0;
  checked_after_.store(static_cast<std::uint32_t>(std::min<std::uint64_t>(after, UINT32_MAX)),
                       std::memory_order_release);
}

// --- references ---

bool Object::try_acquire() {
  std::uint32_t count = references_.load(std::memory_order_relaxed);
  while (count != 0) {
    if (references_.compare_exchange_weak(count, count + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void Object::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) Epoch::retire(this, &Object::destroy);
}

void Object::destroy(void* memory) {
  auto* const object = static_cast<Object*>(memory);
  Arena& arena = Arena::of(object->arena_);
  if (object->has(kBody)) reinterpret_cast<Body*>(object->eight(kBody))->release();
  object->~Object();
  arena.give_back(memory);
}

}  // namespace yz::cache
