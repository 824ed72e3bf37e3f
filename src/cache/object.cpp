#include "cache/object.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/result.h"
#include "cache/epoch.h"

namespace yz::cache {

namespace {

constexpr std::uint64_t kMallocHeader = 16;
/// What a Body and its list of pieces cost beside the chunks, about.
constexpr std::uint64_t kBodyCharge = sizeof(Body) + sizeof(Body::Piece) + 2 * kMallocHeader;

std::uint32_t clamp_seconds(std::chrono::seconds s) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(s.count(), 0, UINT32_MAX));
}

std::size_t blob_size(const ObjectMeta& m) {
  return m.head_before_age.size() + m.head_after_age.size() + m.host.size() + m.target.size() + m.etag.size() +
         m.last_modified.size() + m.vary.size() + m.extra.size();
}

std::size_t aligned(std::size_t size) { return (size + 7) / 8 * 8; }

}  // namespace

std::uint64_t Object::charge_of(const ObjectMeta& meta) {
  return sizeof(Object) + aligned(blob_size(meta)) + meta.tags.size_bytes() + kMallocHeader + kBodyCharge;
}

Ref<Object> Object::make(MemoryBudget& budget, const ObjectMeta& meta, Ref<Body> body) {
  const std::uint64_t charge = charge_of(meta);
  if (!budget.try_charge(charge)) return {};
  void* memory = std::malloc(sizeof(Object) + aligned(blob_size(meta)) + meta.tags.size_bytes());
  YZ_ASSERT(memory != nullptr);
  return Ref<Object>::adopt(new (memory) Object(budget, meta, std::move(body), charge));
}

Object::Object(MemoryBudget& budget, const ObjectMeta& meta, Ref<Body> body, std::uint64_t charge)
    : status_(meta.status),
      checked_(meta.born.value),
      key_(meta.key),
      born_(meta.born),
      base_(meta.base),
      request_time_(meta.request_time),
      response_time_(meta.response_time),
      initial_age_(clamp_seconds(meta.initial_age)),
      lifetime_(clamp_seconds(meta.lifetime)),
      swr_(clamp_seconds(meta.stale_while_revalidate)),
      sie_(clamp_seconds(meta.stale_if_error)),
      flags_(meta.flags),
      tag_count_(static_cast<std::uint32_t>(meta.tags.size())),
      charge_(charge),
      body_(std::move(body)),
      budget_(budget) {
  char* const start = reinterpret_cast<char*>(this + 1);
  char* end = start;
  const std::string_view texts[kTexts] = {meta.head_before_age, meta.head_after_age, meta.host, meta.target, meta.etag,
                                          meta.last_modified,   meta.vary,           meta.extra};
  for (std::size_t i = 0; i < kTexts; ++i) {
    if (!texts[i].empty()) std::memcpy(end, texts[i].data(), texts[i].size());
    end += texts[i].size();
    text_end_[i] = static_cast<std::uint32_t>(end - start);
  }
  if (!meta.tags.empty()) {
    std::memcpy(start + aligned(static_cast<std::size_t>(end - start)), meta.tags.data(), meta.tags.size_bytes());
  }
}

Ref<Object> Object::with_body(const Object& head, Ref<Body> body) {
  ObjectMeta meta = head.meta();
  return make(head.budget_, meta, std::move(body));
}

ObjectMeta Object::meta() const {
  ObjectMeta m;
  m.key = key_;
  m.base = base_;
  m.born = born_;
  m.status = status_;
  m.flags = flags_;
  m.request_time = request_time_;
  m.response_time = response_time_;
  m.initial_age = initial_age();
  m.lifetime = lifetime();
  m.stale_while_revalidate = stale_while_revalidate();
  m.stale_if_error = stale_if_error();
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
  const auto resident = std::chrono::floor<std::chrono::seconds>(now - response_time_);
  return std::max(std::chrono::seconds(0), initial_age() + std::max(std::chrono::seconds(0), resident));
}

std::span<const std::uint32_t> Object::tags() const {
  const char* at = blob() + aligned(text_end_[kTexts - 1]);
  return {reinterpret_cast<const std::uint32_t*>(at), tag_count_};
}

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
  MemoryBudget& budget = object->budget_;
  const std::uint64_t charge = object->charge_;
  object->~Object();
  std::free(memory);
  budget.release(charge);
}

}  // namespace yz::cache
