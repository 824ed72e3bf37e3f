#include "store/audit_log.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"
#include "store/page_query.h"
#include "store/sequence.h"

namespace yz::store {
namespace {

constexpr std::string_view kColumns = "id, at, actor, address, request_id, tenant, action, kind, target, detail, hash";
constexpr std::size_t kColumnCount = 11;

AuditEntry read_entry(const Row& row) {
  return {.id = row.u64(0),
          .at = row.time(1),
          .actor = row.text(2),
          .address = row.text(3),
          .request_id = row.text(4),
          .tenant = row.id<model::TenantId>(5),
          .action = row.text(6),
          .kind = row.text(7),
          .target = row.text(8),
          .detail = row.text(9),
          .hash = row.text(10)};
}

/// Over the previous hash and every field, each with its length, so that no two entries look alike.
std::string chain(std::string_view previous, const AuditEntry& entry) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.str(previous);
  writer.u64(entry.id);
  writer.u64(static_cast<std::uint64_t>(entry.at.time_since_epoch().count()));
  for (const std::string* field : {&entry.actor, &entry.address, &entry.request_id}) writer.str(*field);
  writer.u64(entry.tenant.value);
  for (const std::string* field : {&entry.action, &entry.kind, &entry.target, &entry.detail}) writer.str(*field);
  return to_hex(sha256(bytes));
}

}  // namespace

Status AuditLog::add(const Author& author, std::string_view action, std::string_view kind, std::string_view target,
                     std::string_view detail) {
  YZ_TRY(const auto id, take_numbers(tx_, "audit"));
  YZ_TRY(const auto last, tx_.query_one("SELECT hash FROM audit WHERE id = ?", 1, {id - 1}));
  AuditEntry entry{.id = id,
                   .at = author.at,
                   .actor = author.actor,
                   .address = author.address,
                   .request_id = author.request_id,
                   .tenant = author.tenant,
                   .action = std::string(action),
                   .kind = std::string(kind),
                   .target = std::string(target),
                   .detail = std::string(detail),
                   .hash = {}};
  entry.hash = chain(last ? last->text(0) : "", entry);
  YZ_CHECK(tx_.execute(fmt::format("INSERT INTO audit ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kColumns),
                       {entry.id, entry.at, entry.actor, entry.address, entry.request_id, entry.tenant, entry.action,
                        entry.kind, entry.target, entry.detail, entry.hash}));
  return {};
}

Result<Listing<AuditEntry>> AuditLog::list(const AuditFilter& filter, Page page) {
  PageQuery query(kColumns, kColumnCount, "audit", page, PageOrder::kNewestFirst);
  if (filter.tenant) query.where("tenant", *filter.tenant);
  if (!filter.kind.empty()) query.where("kind", filter.kind);
  if (!filter.kind.empty() && !filter.target.empty()) query.where("target", filter.target);
  if (!filter.actor.empty()) query.where("actor", filter.actor);
  return query.read<AuditEntry>(tx_, &read_entry);
}

Result<AuditVerdict> AuditLog::verify() {
  constexpr std::size_t kStep = 1000;
  YZ_TRY(const auto last, last_number(tx_, "audit"));
  AuditVerdict out;
  for (;;) {
    YZ_TRY(const Rows rows,
           tx_.query(fmt::format("SELECT {} FROM audit WHERE id > ? ORDER BY id LIMIT {}", kColumns, kStep),
                     kColumnCount, {out.entries}));
    if (rows.empty() && out.entries == last) break;
    for (const Row& row : rows) {
      const AuditEntry entry = read_entry(row);
      if (entry.id > last || entry.id != out.entries + 1 || entry.hash != chain(out.head, entry)) break;
      out.head = entry.hash;
      out.entries = entry.id;
    }
    if (rows.empty() || out.entries != rows.back().u64(0)) {
      out.first_broken = out.entries + 1;
      break;
    }
  }
  return out;
}

}  // namespace yz::store
