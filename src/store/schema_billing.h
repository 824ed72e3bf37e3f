#pragma once

#include <string_view>

namespace yz::store {

/// What bills are made of (billing_store.h).
inline constexpr std::string_view kBillingSchema = R"sql(
CREATE TABLE IF NOT EXISTS bill_usage (
  tenant {u64} NOT NULL,
  minute {u64} NOT NULL,
  country {key} NOT NULL,
  bytes {u64} NOT NULL,
  plain_static {u64} NOT NULL,
  plain_dynamic {u64} NOT NULL,
  tls_static {u64} NOT NULL,
  tls_dynamic {u64} NOT NULL,
  quic {u64} NOT NULL,
  PRIMARY KEY (tenant, minute, country)){clustered};

CREATE TABLE IF NOT EXISTS bill_late (
  id {id},
  tenant {u64} NOT NULL,
  minute {u64} NOT NULL,
  country {key} NOT NULL,
  bytes {u64} NOT NULL,
  plain_static {u64} NOT NULL,
  plain_dynamic {u64} NOT NULL,
  tls_static {u64} NOT NULL,
  tls_dynamic {u64} NOT NULL,
  quic {u64} NOT NULL,
  adjusted_in {key} NOT NULL){table};
CREATE INDEX bill_late_tenant ON bill_late (tenant, adjusted_in);

CREATE TABLE IF NOT EXISTS bill_closed (
  tenant {u64} NOT NULL PRIMARY KEY,
  until_minute {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS plan (
  id {id},
  name {key} NOT NULL UNIQUE,
  created_at {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS plan_version (
  plan {u64} NOT NULL,
  version {u64} NOT NULL,
  body {text} NOT NULL,
  created_at {u64} NOT NULL,
  PRIMARY KEY (plan, version)){table};

CREATE TABLE IF NOT EXISTS contract (
  id {id},
  tenant {u64} NOT NULL,
  from_minute {u64} NOT NULL,
  from_day {key} NOT NULL,
  plan {u64} NOT NULL,
  version {u64} NOT NULL,
  created_at {u64} NOT NULL,
  UNIQUE (tenant, from_minute),
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};

CREATE TABLE IF NOT EXISTS traffic_package (
  id {id},
  tenant {u64} NOT NULL,
  item {key} NOT NULL,
  bytes {u64} NOT NULL,
  from_minute {u64} NOT NULL,
  until_minute {u64} NOT NULL,
  created_at {u64} NOT NULL,
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};

CREATE TABLE IF NOT EXISTS statement (
  id {id},
  tenant {u64} NOT NULL,
  month {key} NOT NULL,
  closed {u64} NOT NULL,
  body {text} NOT NULL,
  created_at {u64} NOT NULL,
  closed_at {u64} NULL,
  UNIQUE (tenant, month),
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};
)sql";

}  // namespace yz::store
