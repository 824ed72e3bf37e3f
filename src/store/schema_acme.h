#pragma once

#include <string_view>

namespace yz::store {

/// Accounts at certificate authorities, orders, and what keeps a certificate renewed. `account_key`, `mac_key` and
/// `certificate_key` are secrets (acme_store.cpp seals them).
inline constexpr std::string_view kAcmeSchema = R"sql(
CREATE TABLE IF NOT EXISTS acme_account (
  id {id},
  name {key} NOT NULL UNIQUE,
  directory {text} NOT NULL,
  settings {text} NOT NULL,
  priority {u64} NOT NULL,
  enabled {u64} NOT NULL,
  account_key {text} NOT NULL,
  mac_key {text} NOT NULL,
  url {text} NOT NULL,
  blocked_until {u64} NOT NULL,
  version {u64} NOT NULL,
  created_at {u64} NOT NULL,
  updated_at {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS acme_order (
  id {id},
  tenant {u64} NOT NULL,
  account {u64} NOT NULL,
  pinned {u64} NOT NULL,
  certificate {u64} NOT NULL,
  certificate_name {key} NOT NULL,
  names {text} NOT NULL,
  challenge {u64} NOT NULL,
  key_kind {u64} NOT NULL,
  cause {u64} NOT NULL,
  state {u64} NOT NULL,
  url {text} NOT NULL,
  certificate_key {text} NOT NULL,
  replaces {key} NOT NULL,
  attempts {u64} NOT NULL,
  rejections {u64} NOT NULL,
  next_at {u64} NOT NULL,
  error {text} NOT NULL,
  created_at {u64} NOT NULL,
  finished_at {u64} NOT NULL){table};
CREATE INDEX acme_order_due ON acme_order (state, next_at);
CREATE INDEX acme_order_tenant ON acme_order (tenant, id);
CREATE INDEX acme_order_certificate ON acme_order (certificate, state);

CREATE TABLE IF NOT EXISTS acme_upkeep (
  certificate {u64} NOT NULL PRIMARY KEY,
  account {u64} NOT NULL,
  names {text} NOT NULL,
  challenge {u64} NOT NULL,
  key_kind {u64} NOT NULL,
  enabled {u64} NOT NULL,
  ari_id {key} NOT NULL,
  window_start {u64} NOT NULL,
  window_end {u64} NOT NULL,
  ask_at {u64} NOT NULL,
  retry_at {u64} NOT NULL,
  revoked_at {u64} NOT NULL){table};
)sql";

}  // namespace yz::store
