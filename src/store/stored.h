#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace yz::store {

/// Who changes something, from where and when: goes into the audit log with every mutation.
struct Author {
  std::string actor;       ///< "token:7 deploy", "system"
  std::string address;     ///< of the client, as text; empty: none
  std::string request_id;  ///< of the API request; empty: none
  model::TenantId tenant;  ///< whose data is touched; zero: the operator's own
  WallTime at;
};

/// A stored value with what optimistic updates (ETag, If-Match) and the routing barrier need.
template <typename T>
struct Stored {
  T value;
  std::uint64_t version = 1;  ///< counts the changes of this row, from 1
  model::ConfigSeq seq;       ///< of its last change; zero for what nodes never see (tenants)
  WallTime created;
  WallTime updated;
};

/// A cursor: up to `limit` items with ids greater than `after`, in id order.
struct Page {
  std::uint64_t after = 0;
  std::size_t limit = 100;
};

/// Which rows a list shows.
struct ListFilter {
  std::optional<model::TenantId> tenant;  ///< none: all tenants
  std::string name;                       ///< empty: all names
};

template <typename T>
struct Listing {
  std::vector<T> items;
  std::uint64_t next = 0;  ///< `after` of the next page; 0: this was the last one
};

/// The error of an update or removal whose expected version is not the stored one: kConflict, the client's fault (412).
/// Other kConflict errors are broken references: something still uses what is removed, or the target does not exist.
[[nodiscard]] tl::unexpected<Error> version_mismatch(std::uint64_t stored, std::uint64_t expected);
[[nodiscard]] bool is_version_mismatch(const Error& error);

}  // namespace yz::store
