#pragma once

#include <string_view>

namespace yz::store {

/// Access logs that nodes delivered (log_store.h); the lines themselves are files.
inline constexpr std::string_view kLogsSchema = R"sql(
CREATE TABLE IF NOT EXISTS log_batch (
  node {u64} NOT NULL,
  epoch {u64} NOT NULL,
  number {u64} NOT NULL,
  received_at {u64} NOT NULL,
  first_hour {u64} NOT NULL,
  last_hour {u64} NOT NULL,
  is_wide {u64} NOT NULL,
  bytes {u64} NOT NULL,
  PRIMARY KEY (node, epoch, number)){table};
CREATE INDEX log_batch_hours ON log_batch (is_wide, last_hour, first_hour);
CREATE INDEX log_batch_oldest ON log_batch (last_hour, first_hour);
CREATE INDEX log_batch_received ON log_batch (received_at);

CREATE TABLE IF NOT EXISTS log_hour (
  domain {u64} NOT NULL,
  hour {u64} NOT NULL,
  requests {u64} NOT NULL,
  text_bytes {u64} NOT NULL,
  bytes {u64} NOT NULL,
  removed {u64} NOT NULL,
  cut {u64} NOT NULL,
  PRIMARY KEY (domain, hour)){clustered};
CREATE INDEX log_hour_hour ON log_hour (hour);

CREATE TABLE IF NOT EXISTS log_loss (
  node {u64} NOT NULL,
  epoch {u64} NOT NULL,
  hour {u64} NOT NULL,
  domain {u64} NOT NULL,
  lost {u64} NOT NULL,
  noted_at {u64} NOT NULL,
  PRIMARY KEY (node, epoch, hour, domain)){table};
CREATE INDEX log_loss_domain ON log_loss (domain, hour);
)sql";

}  // namespace yz::store
