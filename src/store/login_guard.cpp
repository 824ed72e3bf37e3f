#include "store/login_guard.h"

#include <algorithm>

#include <fmt/format.h>

#include "store/dialect.h"

namespace yz::store {
namespace {

constexpr std::uint64_t kMostDoublings = 20;

std::chrono::seconds wait_after(std::uint64_t attempts, const LoginLimit& limit) {
  if (attempts <= limit.free) return std::chrono::seconds(0);
  const std::uint64_t doublings = std::min(attempts - limit.free - 1, kMostDoublings);
  return std::min(limit.first_wait * (std::int64_t{1} << doublings), limit.longest_wait);
}

}  // namespace

Result<std::chrono::seconds> LoginGuard::take(std::string_view subject, const LoginLimit& limit, WallTime now) {
  // The row first, and locked: two attempts at once on a new subject meet here, and the second waits for the first.
  YZ_CHECK(tx_.execute(
      fmt::format("INSERT INTO login_attempt (subject, attempts, last_at, blocked_until) VALUES (?, 0, ?, 0){}",
                  tx_.dialect().or_replace("subject", {"subject"})),
      {subject, now}));
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT attempts, last_at, blocked_until FROM login_attempt WHERE subject = ?{}",
                                   tx_.dialect().for_update()),
                       3, {subject}));
  if (!row) return fail(Code::kUnavailable, "the count of attempts was just dropped");
  if (row->time(2) > now) {
    return std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(row->time(2) - now));
  }
  const std::uint64_t attempts = (row->time(1) + limit.forgotten_after <= now ? 0 : row->u64(0)) + 1;
  YZ_CHECK(tx_.execute("UPDATE login_attempt SET attempts = ?, last_at = ?, blocked_until = ? WHERE subject = ?",
                       {attempts, now, now + wait_after(attempts, limit), subject}));
  return std::chrono::seconds(0);
}

Status LoginGuard::give_back(std::string_view subject) {
  YZ_CHECK(tx_.execute(
      "UPDATE login_attempt SET attempts = attempts - 1, blocked_until = 0 WHERE subject = ? AND attempts > 0",
      {subject}));
  return {};
}

Status LoginGuard::forget(std::string_view subject) {
  YZ_CHECK(tx_.execute("DELETE FROM login_attempt WHERE subject = ?", {subject}));
  return {};
}

Result<std::uint64_t> LoginGuard::drop_before(WallTime before) {
  return tx_.execute("DELETE FROM login_attempt WHERE last_at < ? AND blocked_until < ?", {before, before});
}

}  // namespace yz::store
