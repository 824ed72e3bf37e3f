#include "store/idempotency_store.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"

namespace yz::store {

Result<std::optional<RememberedAnswer>> IdempotencyStore::begin(std::string_view scope, std::string_view key,
                                                                std::string_view request, WallTime now) {
  const std::string hash = to_hex(sha256(request));
  // The insert comes first: it waits for another transaction that claims the key until that one ended.
  auto claimed = tx_.execute(
      "INSERT INTO idempotency (scope, idempotency_key, request_hash, status, content_type, body, created_at) "
      "VALUES (?, ?, ?, 0, '', '', ?)",
      {scope, key, hash, now});
  if (claimed) return std::nullopt;
  if (claimed.error().code != Code::kAlreadyExists) return fail(std::move(claimed).error());
  YZ_TRY(const auto row, tx_.query_one("SELECT request_hash, status, content_type, body FROM idempotency "
                                       "WHERE scope = ? AND idempotency_key = ?",
                                       4, {scope, key}));
  if (!row) return fail(Code::kUnavailable, "the idempotency key was just forgotten");
  if (row->text(0) != hash) {
    return fail(Code::kConflict, fmt::format("the Idempotency-Key '{}' was used for another request", key),
                Fault::kClient);
  }
  return RememberedAnswer{static_cast<std::uint16_t>(row->u64(1)), row->text(2), row->text(3)};
}

Status IdempotencyStore::finish(std::string_view scope, std::string_view key, const RememberedAnswer& answer) {
  YZ_TRY(const auto changed,
         tx_.execute("UPDATE idempotency SET status = ?, content_type = ?, body = ? "
                     "WHERE scope = ? AND idempotency_key = ?",
                     {static_cast<std::uint32_t>(answer.status), answer.content_type, answer.body, scope, key}));
  if (changed != 1) return fail(Code::kInternal, fmt::format("the idempotency key '{}' was not claimed", key));
  return {};
}

Status IdempotencyStore::forget(std::string_view scope, std::string_view key) {
  return tx_.execute("DELETE FROM idempotency WHERE scope = ? AND idempotency_key = ?", {scope, key})
      .map([](std::uint64_t) {});
}

Result<std::uint64_t> IdempotencyStore::drop_before(WallTime before) {
  return tx_.execute("DELETE FROM idempotency WHERE created_at < ?", {before});
}

}  // namespace yz::store
