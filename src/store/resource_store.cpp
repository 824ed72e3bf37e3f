#include "store/resource_store.h"

#include <utility>

#include "store/domain_store.h"
#include "store/resource_rows.h"
#include "store/settings_store.h"

namespace yz::store {
namespace {

template <typename T>
Stored<T> narrowed(ResourceRow row) {
  return {std::get<T>(std::move(row.value)), row.version, row.seq, row.created, row.updated};
}

}  // namespace

template <typename T>
model::ResourceKind ResourceStore<T>::kind() {
  return static_cast<model::ResourceKind>(model::Resource(std::in_place_type<T>).index());
}

template <typename T>
Result<Stored<T>> ResourceStore<T>::create(const Author& author, T value) {
  return create_resource(tx_, author, std::move(value)).map(narrowed<T>);
}

template <typename T>
Result<Stored<T>> ResourceStore<T>::get(Id id) {
  const model::ResourceKey key{kind(), id.value};
  return get_resource(tx_, key).map(narrowed<T>);
}

template <typename T>
Result<Listing<Stored<T>>> ResourceStore<T>::list(Page page, const ListFilter& filter) {
  YZ_TRY(auto rows, list_resources(tx_, kind(), page, filter));
  Listing<Stored<T>> listing{.items = {}, .next = rows.next};
  for (ResourceRow& row : rows.items) listing.items.push_back(narrowed<T>(std::move(row)));
  return listing;
}

template <typename T>
Result<Stored<T>> ResourceStore<T>::update(const Author& author, T value, std::optional<std::uint64_t> expected) {
  return update_resource(tx_, author, std::move(value), expected).map(narrowed<T>);
}

template <typename T>
Result<model::ConfigSeq> ResourceStore<T>::remove(const Author& author, Id id, std::optional<std::uint64_t> expected) {
  return remove_resource(tx_, author, {kind(), id.value}, expected);
}

template class ResourceStore<model::OriginGroup>;
template class ResourceStore<model::Domain>;
template class ResourceStore<model::NodeGroup>;
template class ResourceStore<model::Node>;
template class ResourceStore<model::Policy>;
template class ResourceStore<model::Certificate>;
template class ResourceStore<model::Challenge>;
template class ResourceStore<model::Suspension>;

Result<std::optional<Stored<model::Domain>>> DomainStore::find_host(std::string_view host) {
  YZ_TRY(const auto row, tx_.query_one("SELECT domain FROM domain_host WHERE host = ?", 1, {host}));
  if (!row) return std::nullopt;
  YZ_TRY(auto found, get(row->id<model::DomainId>(0)));
  return std::optional(std::move(found));
}

Result<std::optional<Stored<model::Settings>>> SettingsStore::get() {
  YZ_TRY(auto found, find_resource(tx_, {model::ResourceKind::kSettings, 0}));
  if (!found) return std::nullopt;
  return std::optional(narrowed<model::Settings>(*std::move(found)));
}

Result<Stored<model::Settings>> SettingsStore::put(const Author& author, model::Settings settings,
                                                   std::optional<std::uint64_t> expected) {
  YZ_TRY(const auto present, find_resource(tx_, {model::ResourceKind::kSettings, 0}));
  if (!present && expected) return version_mismatch(0, *expected);
  return (present ? update_resource(tx_, author, std::move(settings), expected)
                  : create_resource(tx_, author, std::move(settings)))
      .map(narrowed<model::Settings>);
}

}  // namespace yz::store
