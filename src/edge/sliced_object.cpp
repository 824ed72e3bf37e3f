#include "edge/sliced_object.h"

#include "base/hash.h"
#include "edge/stored_object.h"

namespace yz::edge {
namespace {

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

SlicedObject::SlicedObject(cache::Ref<cache::Object> root) : root_(std::move(root)) {
  YZ_ASSERT(is_sliced(*root_));
  const ObjectExtra extra = extra_of(*root_);
  layout_ = {extra.length.value_or(1), extra.slice_size};
  const StoredValidators stored(*root_);
  if (auto strong = http::strong_validator(stored.fields(), root_->response_time())) validator_ = *std::move(strong);
  const Hash128 slot = root_->key().slot();
  const Hash128 of_text = hash128(validator_.text, slot.low ^ mixed(layout_.total) ^ layout_.size);
  version_ = {of_text.high ^ slot.high, of_text.low};
}

cache::CacheKey SlicedObject::key_of(std::uint64_t i) const {
  const std::uint64_t step = (i + 1) * 0x9e3779b97f4a7c15ULL;
  return {{mixed(version_.high + step), mixed(version_.low ^ step)}, {}};
}

cache::ObjectMeta SlicedObject::meta_of(std::uint64_t i, cache::Seq born, WallTime now) const {
  cache::ObjectMeta meta;
  meta.key = key_of(i);
  meta.base = root_->base();
  meta.born = born;
  meta.status = 206;
  meta.request_time = now;
  meta.response_time = now;
  meta.lifetime = root_->lifetime();
  meta.content_length = layout_.range_of(i).length();
  meta.host = root_->host();
  meta.target = root_->target();
  meta.tags = root_->tags();
  return meta;
}

}  // namespace yz::edge
