#pragma once

#include <string_view>

namespace yz::store {

/// What charts are drawn from (statistics_store.h): one table for each step; rows lie in the order in which charts read
/// them.
inline constexpr std::string_view kStatisticsSchema = R"sql(
CREATE TABLE IF NOT EXISTS stat_1m (
  scope {u64} NOT NULL,
  id {u64} NOT NULL,
  tier {u64} NOT NULL,
  facet {u64} NOT NULL,
  minute {u64} NOT NULL,
  value {u64} NOT NULL,
  requests {u64} NOT NULL,
  bytes_out {u64} NOT NULL,
  bytes_in {u64} NOT NULL,
  origin_requests {u64} NOT NULL,
  origin_bytes {u64} NOT NULL,
  duration_us {u64} NOT NULL,
  hits {u64} NOT NULL,
  hit_bytes {u64} NOT NULL,
  PRIMARY KEY (scope, id, tier, facet, minute, value)){clustered};
CREATE INDEX stat_1m_minute ON stat_1m (minute);

CREATE TABLE IF NOT EXISTS stat_5m (
  scope {u64} NOT NULL,
  id {u64} NOT NULL,
  tier {u64} NOT NULL,
  facet {u64} NOT NULL,
  minute {u64} NOT NULL,
  value {u64} NOT NULL,
  requests {u64} NOT NULL,
  bytes_out {u64} NOT NULL,
  bytes_in {u64} NOT NULL,
  origin_requests {u64} NOT NULL,
  origin_bytes {u64} NOT NULL,
  duration_us {u64} NOT NULL,
  hits {u64} NOT NULL,
  hit_bytes {u64} NOT NULL,
  PRIMARY KEY (scope, id, tier, facet, minute, value)){clustered};
CREATE INDEX stat_5m_minute ON stat_5m (minute);

CREATE TABLE IF NOT EXISTS stat_1h (
  scope {u64} NOT NULL,
  id {u64} NOT NULL,
  tier {u64} NOT NULL,
  facet {u64} NOT NULL,
  minute {u64} NOT NULL,
  value {u64} NOT NULL,
  requests {u64} NOT NULL,
  bytes_out {u64} NOT NULL,
  bytes_in {u64} NOT NULL,
  origin_requests {u64} NOT NULL,
  origin_bytes {u64} NOT NULL,
  duration_us {u64} NOT NULL,
  hits {u64} NOT NULL,
  hit_bytes {u64} NOT NULL,
  PRIMARY KEY (scope, id, tier, facet, minute, value)){clustered};
CREATE INDEX stat_1h_minute ON stat_1h (minute);

CREATE TABLE IF NOT EXISTS stat_1d (
  scope {u64} NOT NULL,
  id {u64} NOT NULL,
  tier {u64} NOT NULL,
  facet {u64} NOT NULL,
  minute {u64} NOT NULL,
  value {u64} NOT NULL,
  requests {u64} NOT NULL,
  bytes_out {u64} NOT NULL,
  bytes_in {u64} NOT NULL,
  origin_requests {u64} NOT NULL,
  origin_bytes {u64} NOT NULL,
  duration_us {u64} NOT NULL,
  hits {u64} NOT NULL,
  hit_bytes {u64} NOT NULL,
  PRIMARY KEY (scope, id, tier, facet, minute, value)){clustered};
CREATE INDEX stat_1d_minute ON stat_1d (minute);

CREATE TABLE IF NOT EXISTS usage_owner (
  domain {u64} NOT NULL PRIMARY KEY,
  tenant {u64} NOT NULL,
  name {key} NOT NULL){table};

CREATE TABLE IF NOT EXISTS usage_coverage (
  node {u64} NOT NULL,
  covered_from {u64} NOT NULL,
  covered_until {u64} NOT NULL,
  PRIMARY KEY (node, covered_from)){table};
)sql";

}  // namespace yz::store
