#pragma once

#include <string_view>

namespace yz::store {

/// What tenants may refresh and prefetch in a day, and what they did (task_quota_store.h). `day`: since the epoch, UTC.
inline constexpr std::string_view kQuotasSchema = R"sql(
ALTER TABLE tenant ADD COLUMN refresh_urls {u64} NOT NULL DEFAULT 10000;
ALTER TABLE tenant ADD COLUMN refresh_groups {u64} NOT NULL DEFAULT 100;
ALTER TABLE tenant ADD COLUMN prefetch_urls {u64} NOT NULL DEFAULT 1000;

CREATE TABLE IF NOT EXISTS task_use (
  tenant {u64} NOT NULL,
  day {u64} NOT NULL,
  refresh_urls {u64} NOT NULL,
  refresh_groups {u64} NOT NULL,
  prefetch_urls {u64} NOT NULL,
  PRIMARY KEY (tenant, day),
  FOREIGN KEY (tenant) REFERENCES tenant (id) ON DELETE CASCADE){table};
CREATE INDEX task_use_day ON task_use (day);
)sql";

}  // namespace yz::store
