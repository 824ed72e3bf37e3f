#pragma once

#include "cache/object.h"
#include "edge/slice_layout.h"
#include "http/strong_validator.h"

namespace yz::edge {

/// A large object: its root (head, validator and length; an Object without a body, flagged kSliced) and where its
/// slices are. A slice is an Object under a key made of the root's key, the version and its index, so slices of
/// another version are never found; its base id, host, target and tags are the root's, so one purge hits all. What is
/// present is what the cache finds.
class SlicedObject {
 public:
  /// `root` must be flagged kSliced.
  explicit SlicedObject(cache::Ref<cache::Object> root);

  [[nodiscard]] const cache::Ref<cache::Object>& root() const { return root_; }
  [[nodiscard]] const SliceLayout& layout() const { return layout_; }
  [[nodiscard]] const http::StrongValidator& validator() const { return validator_; }
  /// Names the version: root key, validator, length and size of the slices. Equal for a root made anew of the same
  /// version, which so finds the slices again.
  [[nodiscard]] Hash128 version() const { return version_; }
  /// Where the i-th slice is stored.
  [[nodiscard]] cache::CacheKey key_of(std::uint64_t i) const;
  /// The meta of the i-th slice, born at `born`. Views into the root.
  [[nodiscard]] cache::ObjectMeta meta_of(std::uint64_t i, cache::Seq born, WallTime now) const;

 private:
  cache::Ref<cache::Object> root_;
  SliceLayout layout_;
  http::StrongValidator validator_;
  Hash128 version_;
};

}  // namespace yz::edge
