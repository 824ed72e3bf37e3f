#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/ids.h"

namespace yz::model {

enum class PurgeKind : std::uint8_t {
  kUrl,        ///< key: path and query as a viewer sends them, "/a.js?v=1"; all variants of the object
  kDirectory,  ///< key: path that ends with '/'; everything below it
  kTag,        ///< key: one tag of Cache-Tag or Surrogate-Key
  kHost,       ///< the whole domain; key empty
  kAll,        ///< every domain of the cluster; domain none, key empty
};

/// One entry of the purge log. Objects fetched before it (born_seq < seq) and matched by it are not served any more
/// (hard), or only after the origin confirmed them (soft).
struct PurgeRecord {
  PurgeSeq seq;
  PurgeKind kind = PurgeKind::kUrl;
  DomainId domain;
  std::string key;
  bool hard = true;
  WallTime issued_at;

  friend bool operator==(const PurgeRecord&, const PurgeRecord&) = default;
};

}  // namespace yz::model
