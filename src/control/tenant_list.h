#pragma once

#include <utility>

#include <nlohmann/json.hpp>

#include "control/find_tenant.h"
#include "control/transact.h"

namespace yz::control {

/// A page of tenants' rows, as the call's `limit`, `cursor` and `tenant` say: `find(tx, page, tenant)` gives a
/// Result<store::Listing<T>>, `show(const T&)` the JSON of a row. 400 when there is no such tenant.
template <typename Find, typename Show>
[[nodiscard]] Outcome list_by_tenant(store::Database& database, const Call& call, Find find, Show show) {
  const auto page = read_page(call);
  if (!page) return refuse(page.error());
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  return read_outcome(database, [&](store::Transaction& tx) -> Outcome {
    if (auto known = check_asked_tenant(tx, *tenant); !known) return refuse(known.error());
    YZ_TRY(const auto found, find(tx, *page, *tenant));
    nlohmann::json items = nlohmann::json::array();
    for (const auto& row : found.items) items.push_back(show(row));
    return page_reply(std::move(items), found.next);
  });
}

}  // namespace yz::control
