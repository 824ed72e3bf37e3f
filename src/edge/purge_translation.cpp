#include "edge/purge_translation.h"

#include "cache/key.h"
#include "edge/cache_key.h"

namespace yz::edge {

cache::PurgeRecord purge_of(model::PurgeKind kind, std::string_view host, std::string_view key,
                            const model::KeyRule& rule) {
  cache::PurgeRecord out;
  switch (kind) {
    case model::PurgeKind::kUrl:
      out.kind = cache::PurgeKind::kUrl;
      out.id = cache::base_id(host, key_target(key, rule)).value;
      break;
    case model::PurgeKind::kDirectory:
      out.kind = cache::PurgeKind::kDirectory;
      out.id = cache::directory_id(host, key);
      break;
    case model::PurgeKind::kTag:
      out.kind = cache::PurgeKind::kTag;
      out.id = cache::tag_id(host, key);
      break;
    case model::PurgeKind::kHost:
      out.kind = cache::PurgeKind::kHost;
      out.id = cache::host_id(host);
      break;
    case model::PurgeKind::kAll:
      out.kind = cache::PurgeKind::kAll;
      break;
  }
  return out;
}

cache::PurgeRecord translate(const model::PurgeRecord& record, const model::ConfigSnapshot* snapshot) {
  cache::PurgeRecord out;
  const model::Domain* domain = snapshot == nullptr ? nullptr : snapshot->domains.find(record.domain);
  if (record.kind == model::PurgeKind::kAll) {
    out.kind = cache::PurgeKind::kAll;
  } else if (domain != nullptr) {
    out = purge_of(record.kind, domain->name, record.key, domain->key_rule);
  }
  out.seq = cache::Seq{record.seq.value};
  out.is_hard = record.hard;
  return out;
}

}  // namespace yz::edge
