#pragma once

#include <string_view>

namespace yz::store {

/// Limits of what tenants and domains may use (cap_store.h). `domain` 0: all of the tenant's together.
inline constexpr std::string_view kCapsSchema = R"sql(
CREATE TABLE IF NOT EXISTS cap (
  id {id},
  tenant {u64} NOT NULL,
  domain {u64} NOT NULL,
  kind {u64} NOT NULL,
  most {u64} NOT NULL,
  by_operator {u64} NOT NULL,
  created_at {u64} NOT NULL,
  used {u64} NOT NULL,
  seen_at {u64} NOT NULL,
  reached_at {u64} NOT NULL,
  times {u64} NOT NULL,
  suspension {u64} NOT NULL,
  UNIQUE (tenant, domain, kind, by_operator),
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};
CREATE INDEX cap_domain ON cap (domain);

INSERT INTO sequence (name, v) SELECT 'resource.8', 0 FROM sequence
  WHERE name = 'config' AND NOT EXISTS (SELECT 1 FROM sequence WHERE name = 'resource.8');
)sql";

}  // namespace yz::store
