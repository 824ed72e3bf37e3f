#include "edge/transaction/freshen.h"

#include "edge/stored_object.h"
#include "http/validation.h"

namespace yz::edge {

cache::Ref<cache::Object> freshened(cache::Cache& store, const cache::Object& seen, http::Fields fields,
                                    const CachingDecision& decided, WallTime asked_at, cache::Seq born,
                                    std::string_view via) {
  ObjectDraft draft(seen.status(), fields, decided.policy, asked_at, representation_length(seen), via);
  if (is_sliced(seen)) draft.set_slices(extra_of(seen).slice_size);
  draft.place(seen.key(), seen.base(), born, seen.host(), seen.target());
  draft.set_vary(std::string(seen.vary()));
  return store.make_refreshed(seen, draft.meta());
}

void freshen_by_head(Transaction& tx, const http::ResponseHead& head, WallTime asked_at, cache::Seq born) {
  cache::Lookup found = tx.store().lookup(
      tx.primary, [&](std::string_view names) { return variant_of(names, tx.request().fields, tx.worker.scratch()); });
  if (!found.object || found.object->status() != 200) return;
  const StoredValidators validators(*found.object);
  if (http::compare_head(head.fields, validators.fields(), representation_length(*found.object)) ==
      http::HeadVerdict::kInvalidate) {
    tx.store().remove(*found.object);
    return;
  }
  http::HeaderMap merged = http::merge_fields(stored_fields(*found.object), head.fields);
  // The slices are found by the validator they came with.
  if (is_sliced(*found.object) && !found.object->etag().empty()) {
    merged.set(http::FieldId::kEtag, found.object->etag());
  }
  Arrival arrival;
  arrival.request = tx.request().fields;
  arrival.path = tx.request().path;
  arrival.response = merged;
  arrival.asked_at = asked_at;
  arrival.now = tx.now;
  const CachingDecision decided = decide_caching(*tx.site, tx.rule, arrival);
  if (decided.verdict != http::Storability::kStore) {
    tx.store().remove(*found.object);
    return;
  }
  tx.store().forget_pass(found.key.slot());  // what may be shared now need not be passed by
  // Whoever fetches it at this moment brings something newer: then there is nothing to do.
  auto joined = tx.store().join(found.key, tx.base, tx.host, tx.target, tx.mono(), found.object.get());
  if (!joined.lead) return;
  auto renewed = freshened(tx.store(), *found.object, merged, decided, asked_at, born, tx.running().node_name);
  if (renewed) joined.lead.finish_with(std::move(renewed));
}

}  // namespace yz::edge
