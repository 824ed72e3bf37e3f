#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/config_snapshot.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

// The rows behind the resource stores, whatever the kind. Internal to this room.

using ResourceRow = Stored<model::Resource>;

[[nodiscard]] std::string_view to_string(model::ResourceKind kind);
[[nodiscard]] model::TenantId tenant_of(const model::Resource& resource);
[[nodiscard]] std::string name_of(const model::Resource& resource);
/// What it names that must exist.
[[nodiscard]] std::vector<model::ResourceKey> references_of(const model::Resource& resource);

/// A resource as text for a column, and back. Fails with kCorrupt.
[[nodiscard]] std::string to_body(const Transaction& tx, const model::Resource& resource);
[[nodiscard]] Result<model::Resource> from_body(const Transaction& tx, std::string_view body);

Result<std::optional<ResourceRow>> find_resource(Transaction& tx, const model::ResourceKey& key);
/// find_resource, or kNotFound blamed on the client.
Result<ResourceRow> get_resource(Transaction& tx, const model::ResourceKey& key);
Result<Listing<ResourceRow>> list_resources(Transaction& tx, model::ResourceKind kind, Page page,
                                            const ListFilter& filter);

/// Inserts, or replaces the row with its key; not its references and hosts. Gives a domain its version.
Status write_row(Transaction& tx, ResourceRow& row, bool is_new);
/// References and host names, which other rows may still hold: kConflict, kAlreadyExists.
Status write_links(Transaction& tx, const model::Resource& resource);
Status remove_links(Transaction& tx, const model::ResourceKey& key);
/// The row, whose links are gone, and what is kept of it elsewhere: how a certificate is renewed, a domain's caps.
Status remove_row(Transaction& tx, const model::ResourceKey& key);
/// One record of config_log; a null resource is a removal.
Status write_log(Transaction& tx, const Author& author, const model::ResourceKey& key, std::string_view name,
                 model::ConfigSeq seq, std::uint64_t version, const model::Resource* resource);
/// The audit entry of a change; null: did not or does not exist.
Status write_audit(Transaction& tx, const Author& author, std::string_view action, const model::Resource* before,
                   const model::Resource* after);

/// The mutations of the stores: row, links, log and audit under the next configuration number.
Result<ResourceRow> create_resource(Transaction& tx, const Author& author, model::Resource resource);
Result<ResourceRow> update_resource(Transaction& tx, const Author& author, model::Resource resource,
                                    std::optional<std::uint64_t> expected);
Result<model::ConfigSeq> remove_resource(Transaction& tx, const Author& author, const model::ResourceKey& key,
                                         std::optional<std::uint64_t> expected);

/// What the database says about a broken unique key or reference, in the customer's words and to the customer's
/// account.
[[nodiscard]] Error as_client_error(Error error, std::string_view what);

}  // namespace yz::store
