#include "store/resource_rows.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/codec.h"
#include "model/json.h"
#include "store/acme_store.h"
#include "store/audit_log.h"
#include "store/cap_store.h"
#include "store/page_query.h"
#include "store/sealer.h"

namespace yz::store {

using model::Resource;
using model::ResourceKey;
using model::ResourceKind;

namespace {
constexpr std::string_view kSealContext = "resource";
}

std::string_view to_string(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kSettings:
      return "settings";
    case ResourceKind::kOriginGroup:
      return "origin_group";
    case ResourceKind::kDomain:
      return "domain";
    case ResourceKind::kNodeGroup:
      return "node_group";
    case ResourceKind::kNode:
      return "node";
    case ResourceKind::kPolicy:
      return "policy";
    case ResourceKind::kCertificate:
      return "certificate";
    case ResourceKind::kChallenge:
      return "challenge";
    case ResourceKind::kSuspension:
      return "suspension";
  }
  return "unknown";
}

model::TenantId tenant_of(const Resource& resource) {
  return std::visit(
      [](const auto& value) -> model::TenantId {
        if constexpr (requires { value.tenant; }) return value.tenant;
        return {};
      },
      resource);
}

std::string name_of(const Resource& resource) {
  return std::visit(
      [](const auto& value) -> std::string {
        if constexpr (requires { value.name; }) return value.name;
        return "settings";
      },
      resource);
}

std::vector<ResourceKey> references_of(const Resource& resource) {
  std::set<ResourceKey> keys;
  const auto add = [&keys](ResourceKind kind, auto id) {
    if (id) keys.insert({kind, id.value});
  };
  if (const auto* domain = std::get_if<model::Domain>(&resource)) {
    add(ResourceKind::kOriginGroup, domain->origin_group);
    add(ResourceKind::kPolicy, domain->policy);
    add(ResourceKind::kCertificate, domain->certificate);
  } else if (const auto* group = std::get_if<model::NodeGroup>(&resource)) {
    add(ResourceKind::kNodeGroup, group->parent_group);
  } else if (const auto* node = std::get_if<model::Node>(&resource)) {
    add(ResourceKind::kNodeGroup, node->group);
  } else if (const auto* policy = std::get_if<model::Policy>(&resource)) {
    for (const auto& rule : policy->rules) {
      for (const auto id : rule.groups) add(ResourceKind::kNodeGroup, id);
    }
    for (const auto id : policy->pool) add(ResourceKind::kNodeGroup, id);
    for (const auto id : policy->default_groups) add(ResourceKind::kNodeGroup, id);
  }
  return {keys.begin(), keys.end()};
}

// All kinds are sealed: keys of certificates, of origins and of URLs are where one looks for them, and elsewhere.
std::string to_body(const Transaction& tx, const Resource& resource) {
  return tx.sealer().seal(kSealContext, model::encode(resource));
}

Result<Resource> from_body(const Transaction& tx, std::string_view body) {
  YZ_TRY(const std::string bytes, tx.sealer().open(kSealContext, body));
  return model::decode_resource(bytes);
}

Error as_client_error(Error error, std::string_view what) {
  if (error.code != Code::kAlreadyExists && error.code != Code::kConflict) return error;
  const bool exists = error.code == Code::kAlreadyExists;
  error.message = fmt::format(
      "{}: {}", what, exists ? "the name is taken" : "something it names does not exist, or it is still in use");
  return std::move(error).blamed_on(Fault::kClient);
}

namespace {

constexpr std::string_view kColumns = "id, version, seq, body, created_at, updated_at";
constexpr std::size_t kColumnCount = 6;

Result<ResourceRow> read_row(const Transaction& tx, const Row& row) {
  YZ_TRY(Resource resource, from_body(tx, row.text(3)));
  return ResourceRow{.value = std::move(resource),
                     .version = row.u64(1),
                     .seq = row.id<model::ConfigSeq>(2),
                     .created = row.time(4),
                     .updated = row.time(5)};
}

std::uint64_t kind_number(ResourceKind kind) { return static_cast<std::uint64_t>(kind); }

}  // namespace

Result<std::optional<ResourceRow>> find_resource(Transaction& tx, const ResourceKey& key) {
  YZ_TRY(const auto row, tx.query_one(fmt::format("SELECT {} FROM resource WHERE kind = ? AND id = ?", kColumns),
                                      kColumnCount, {kind_number(key.kind), key.id}));
  if (!row) return std::nullopt;
  YZ_TRY(ResourceRow found, read_row(tx, *row));
  return found;
}

Result<ResourceRow> get_resource(Transaction& tx, const ResourceKey& key) {
  YZ_TRY(auto found, find_resource(tx, key));
  if (!found) return fail(Code::kNotFound, fmt::format("there is no {}", model::to_string(key)), Fault::kClient);
  return *std::move(found);
}

Result<Listing<ResourceRow>> list_resources(Transaction& tx, ResourceKind kind, Page page, const ListFilter& filter) {
  PageQuery query(kColumns, kColumnCount, "resource", page);
  query.where("kind", kind_number(kind));
  if (filter.tenant) query.where("tenant", *filter.tenant);
  if (!filter.name.empty()) query.where("name", filter.name);
  return query.read<ResourceRow>(tx, [&tx](const Row& row) { return read_row(tx, row); });
}

Status write_row(Transaction& tx, ResourceRow& row, bool is_new) {
  if (auto* domain = std::get_if<model::Domain>(&row.value)) domain->version = row.version;
  const ResourceKey key = model::key_of(row.value);
  const model::TenantId tenant = tenant_of(row.value);
  const Value owner = tenant ? Value(tenant) : Value();
  Result<std::uint64_t> done =
      is_new
          ? tx.execute(
                "INSERT INTO resource (kind, id, tenant, scope, name, version, seq, body, created_at, updated_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                {kind_number(key.kind), key.id, owner, tenant, name_of(row.value), row.version, row.seq,
                 to_body(tx, row.value), row.created, row.updated})
          : tx.execute(
                "UPDATE resource SET tenant = ?, scope = ?, name = ?, version = ?, seq = ?, body = ?, updated_at = ? "
                "WHERE kind = ? AND id = ?",
                {owner, tenant, name_of(row.value), row.version, row.seq, to_body(tx, row.value), row.updated,
                 kind_number(key.kind), key.id});
  if (!done) return fail(as_client_error(std::move(done).error(), to_string(key.kind)));
  return {};
}

Status remove_row(Transaction& tx, const ResourceKey& key) {
  auto gone = tx.execute("DELETE FROM resource WHERE kind = ? AND id = ?", {kind_number(key.kind), key.id});
  if (!gone) return fail(as_client_error(std::move(gone).error(), model::to_string(key)));
  if (key.kind == ResourceKind::kDomain) return CapStore(tx).remove_of(model::DomainId{key.id});
  if (key.kind != ResourceKind::kCertificate) return {};
  return AcmeUpkeepStore(tx).remove(model::CertificateId{key.id});
}

Status write_links(Transaction& tx, const Resource& resource) {
  const ResourceKey key = model::key_of(resource);
  for (const ResourceKey& to : references_of(resource)) {
    auto done = tx.execute("INSERT INTO resource_reference (from_kind, from_id, to_kind, to_id) VALUES (?, ?, ?, ?)",
                           {kind_number(key.kind), key.id, kind_number(to.kind), to.id});
    if (!done) return fail(as_client_error(std::move(done).error(), model::to_string(to)));
  }
  const auto* domain = std::get_if<model::Domain>(&resource);
  if (domain == nullptr) return {};
  std::set<std::string> hosts(domain->aliases.begin(), domain->aliases.end());
  hosts.insert(domain->name);
  for (const std::string& host : hosts) {
    auto done = tx.execute("INSERT INTO domain_host (host, domain) VALUES (?, ?)", {host, key.id});
    if (!done) return fail(as_client_error(std::move(done).error(), fmt::format("host '{}'", host)));
  }
  return {};
}

Status remove_links(Transaction& tx, const ResourceKey& key) {
  YZ_CHECK(tx.execute("DELETE FROM resource_reference WHERE from_kind = ? AND from_id = ?",
                      {kind_number(key.kind), key.id}));
  if (key.kind == ResourceKind::kDomain) YZ_CHECK(tx.execute("DELETE FROM domain_host WHERE domain = ?", {key.id}));
  return {};
}

Status write_log(Transaction& tx, const Author& author, const ResourceKey& key, std::string_view name,
                 model::ConfigSeq seq, std::uint64_t version, const Resource* resource) {
  YZ_CHECK(
      tx.execute("INSERT INTO config_log (seq, at, actor, kind, id, name, version, body) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                 {seq, author.at, author.actor, kind_number(key.kind), key.id, name, version,
                  resource != nullptr ? Value(to_body(tx, *resource)) : Value()}));
  return {};
}

Status write_audit(Transaction& tx, const Author& author, std::string_view action, const Resource* before,
                   const Resource* after) {
  const Resource& present = after != nullptr ? *after : *before;
  nlohmann::json detail = nlohmann::json::object();
  if (before != nullptr) detail["before"] = model::to_json_resource(*before);
  if (after != nullptr) detail["after"] = model::to_json_resource(*after);
  Author owner = author;
  if (const auto tenant = tenant_of(present)) owner.tenant = tenant;
  const ResourceKey key = model::key_of(present);
  return AuditLog(tx).add(owner, action, to_string(key.kind), std::to_string(key.id), detail.dump());
}

}  // namespace yz::store
