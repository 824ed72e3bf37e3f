// The mutations of configuration resources. Each takes the next configuration number first: its row lock makes writers
// follow one another, so what they read here cannot change under them.

#include <fmt/format.h>

#include "store/resource_rows.h"
#include "store/sequence.h"

namespace yz::store {

using model::ConfigSeq;
using model::Resource;
using model::ResourceKey;

namespace {

Result<ConfigSeq> take_config_seq(Transaction& tx) {
  YZ_TRY(const auto number, take_numbers(tx, "config"));
  return ConfigSeq{number};
}

void set_id(Resource& resource, std::uint64_t id) {
  std::visit(
      [id](auto& value) {
        if constexpr (requires { value.id; }) value.id.value = id;
      },
      resource);
}

Status check_version(const ResourceRow& row, std::optional<std::uint64_t> expected) {
  if (expected && *expected != row.version) return version_mismatch(row.version, *expected);
  return {};
}

}  // namespace

Result<ResourceRow> create_resource(Transaction& tx, const Author& author, Resource resource) {
  YZ_TRY(const ConfigSeq seq, take_config_seq(tx));
  if (resource.index() != 0) {
    YZ_TRY(const auto id, take_numbers(tx, fmt::format("resource.{}", resource.index())));
    set_id(resource, id);
  }
  ResourceRow row{.value = std::move(resource), .version = 1, .seq = seq, .created = author.at, .updated = author.at};
  YZ_CHECK(write_row(tx, row, true));
  YZ_CHECK(write_links(tx, row.value));
  YZ_CHECK(write_log(tx, author, model::key_of(row.value), name_of(row.value), seq, row.version, &row.value));
  YZ_CHECK(write_audit(tx, author, "create", nullptr, &row.value));
  return row;
}

Result<ResourceRow> update_resource(Transaction& tx, const Author& author, Resource resource,
                                    std::optional<std::uint64_t> expected) {
  const ResourceKey key = model::key_of(resource);
  YZ_TRY(const ConfigSeq seq, take_config_seq(tx));
  YZ_TRY(const ResourceRow before, get_resource(tx, key));
  YZ_CHECK(check_version(before, expected));
  if (tenant_of(before.value) != tenant_of(resource)) {
    return fail(Code::kInvalid, fmt::format("{}: the tenant cannot change", model::to_string(key)), Fault::kClient);
  }
  ResourceRow row{.value = std::move(resource),
                  .version = before.version + 1,
                  .seq = seq,
                  .created = before.created,
                  .updated = author.at};
  YZ_CHECK(write_row(tx, row, false));
  YZ_CHECK(remove_links(tx, key));
  YZ_CHECK(write_links(tx, row.value));
  YZ_CHECK(write_log(tx, author, key, name_of(row.value), seq, row.version, &row.value));
  YZ_CHECK(write_audit(tx, author, "update", &before.value, &row.value));
  return row;
}

Result<ConfigSeq> remove_resource(Transaction& tx, const Author& author, const ResourceKey& key,
                                  std::optional<std::uint64_t> expected) {
  YZ_TRY(const ConfigSeq seq, take_config_seq(tx));
  YZ_TRY(const ResourceRow before, get_resource(tx, key));
  YZ_CHECK(check_version(before, expected));
  YZ_CHECK(remove_links(tx, key));
  YZ_CHECK(remove_row(tx, key));
  YZ_CHECK(write_log(tx, author, key, name_of(before.value), seq, before.version + 1, nullptr));
  YZ_CHECK(write_audit(tx, author, "delete", &before.value, nullptr));
  return seq;
}

}  // namespace yz::store
