#include "store/migrations.h"
#include "store/schema_accounts.h"
#include "store/schema_acme.h"
#include "store/schema_billing.h"
#include "store/schema_caps.h"
#include "store/schema_identities.h"
#include "store/schema_logs.h"
#include "store/schema_quotas.h"
#include "store/schema_statistics.h"

namespace yz::store {
namespace {

// Numbers of configuration changes, purges and audit entries come from rows of `sequence`, raised under a row lock that
// is held until the commit: they become visible in order and without gaps. Generated keys ({id}) do not, and nothing
// reads them as an order of events.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE IF NOT EXISTS sequence (
  name {key} NOT NULL PRIMARY KEY,
  v {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS tenant (
  id {id},
  name {key} NOT NULL UNIQUE,
  enabled {u64} NOT NULL,
  version {u64} NOT NULL,
  created_at {u64} NOT NULL,
  updated_at {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS resource (
  kind {u64} NOT NULL,
  id {u64} NOT NULL,
  tenant {u64} NULL,
  scope {u64} NOT NULL,
  name {key} NOT NULL,
  version {u64} NOT NULL,
  seq {u64} NOT NULL,
  body {text} NOT NULL,
  created_at {u64} NOT NULL,
  updated_at {u64} NOT NULL,
  PRIMARY KEY (kind, id),
  UNIQUE (kind, scope, name),
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};

CREATE TABLE IF NOT EXISTS resource_reference (
  from_kind {u64} NOT NULL,
  from_id {u64} NOT NULL,
  to_kind {u64} NOT NULL,
  to_id {u64} NOT NULL,
  PRIMARY KEY (from_kind, from_id, to_kind, to_id),
  FOREIGN KEY (from_kind, from_id) REFERENCES resource (kind, id) ON DELETE CASCADE,
  FOREIGN KEY (to_kind, to_id) REFERENCES resource (kind, id)){table};
CREATE INDEX resource_reference_to ON resource_reference (to_kind, to_id);

CREATE TABLE IF NOT EXISTS domain_host (
  host {key} NOT NULL PRIMARY KEY,
  domain {u64} NOT NULL){table};
CREATE INDEX domain_host_domain ON domain_host (domain);

CREATE TABLE IF NOT EXISTS config_log (
  seq {u64} NOT NULL PRIMARY KEY,
  at {u64} NOT NULL,
  actor {key} NOT NULL,
  kind {u64} NOT NULL,
  id {u64} NOT NULL,
  name {key} NOT NULL,
  version {u64} NOT NULL,
  body {text} NULL){table};
CREATE INDEX config_log_resource ON config_log (kind, id, seq);

CREATE TABLE IF NOT EXISTS audit (
  id {u64} NOT NULL PRIMARY KEY,
  at {u64} NOT NULL,
  actor {key} NOT NULL,
  address {key} NOT NULL,
  request_id {key} NOT NULL,
  tenant {u64} NOT NULL,
  action {key} NOT NULL,
  kind {key} NOT NULL,
  target {key} NOT NULL,
  detail {text} NOT NULL,
  hash {key} NOT NULL){table};
CREATE INDEX audit_tenant ON audit (tenant, id);
CREATE INDEX audit_target ON audit (kind, target, id);

CREATE TABLE IF NOT EXISTS purge_log (
  seq {u64} NOT NULL PRIMARY KEY,
  kind {u64} NOT NULL,
  domain {u64} NOT NULL,
  purge_key {text} NOT NULL,
  hard {u64} NOT NULL,
  issued_at {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS task (
  id {id},
  tenant {u64} NOT NULL,
  kind {u64} NOT NULL,
  state {u64} NOT NULL,
  hard {u64} NOT NULL,
  first_seq {u64} NOT NULL,
  last_seq {u64} NOT NULL,
  created_at {u64} NOT NULL,
  finished_at {u64} NOT NULL){table};
CREATE INDEX task_state ON task (state, kind, id);
CREATE INDEX task_tenant ON task (tenant, id);

CREATE TABLE IF NOT EXISTS task_target (
  task {u64} NOT NULL,
  number {u64} NOT NULL,
  kind {u64} NOT NULL,
  domain {u64} NOT NULL,
  purge_key {text} NOT NULL,
  url {text} NOT NULL,
  PRIMARY KEY (task, number)){table};

CREATE TABLE IF NOT EXISTS task_node (
  task {u64} NOT NULL,
  node {u64} NOT NULL,
  awaited {u64} NOT NULL,
  state {u64} NOT NULL,
  done {u64} NOT NULL,
  failed {u64} NOT NULL,
  message {text} NOT NULL,
  updated_at {u64} NOT NULL,
  PRIMARY KEY (task, node)){table};
CREATE INDEX task_node_open ON task_node (node, state, task);

CREATE TABLE IF NOT EXISTS api_token (
  id {id},
  name {key} NOT NULL,
  hash {key} NOT NULL UNIQUE,
  role {key} NOT NULL,
  tenant {u64} NULL,
  created_at {u64} NOT NULL,
  expires_at {u64} NULL,
  last_used_at {u64} NULL,
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};

CREATE TABLE IF NOT EXISTS join_token (
  id {id},
  hash {key} NOT NULL UNIQUE,
  role {key} NOT NULL,
  node {u64} NOT NULL,
  name {key} NOT NULL,
  created_at {u64} NOT NULL,
  expires_at {u64} NOT NULL,
  used_at {u64} NULL,
  used_by {key} NOT NULL){table};

CREATE TABLE IF NOT EXISTS lease (
  name {key} NOT NULL PRIMARY KEY,
  holder {key} NOT NULL,
  term {u64} NOT NULL,
  renewals {u64} NOT NULL,
  expires_at {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS idempotency (
  scope {key} NOT NULL,
  idempotency_key {key} NOT NULL,
  request_hash {key} NOT NULL,
  status {u64} NOT NULL,
  content_type {key} NOT NULL,
  body {text} NOT NULL,
  created_at {u64} NOT NULL,
  PRIMARY KEY (scope, idempotency_key)){table};
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE IF NOT EXISTS secret (
  name {key} NOT NULL PRIMARY KEY,
  body {text} NOT NULL,
  created_at {u64} NOT NULL){table};

CREATE TABLE IF NOT EXISTS usage_batch (
  node {u64} NOT NULL,
  epoch {u64} NOT NULL,
  number {u64} NOT NULL,
  received_at {u64} NOT NULL,
  records {u64} NOT NULL,
  PRIMARY KEY (node, epoch, number)){table};

CREATE TABLE IF NOT EXISTS usage_1m (
  minute {u64} NOT NULL,
  domain {u64} NOT NULL,
  tier {u64} NOT NULL,
  status_class {u64} NOT NULL,
  cache_result {u64} NOT NULL,
  requests {u64} NOT NULL,
  bytes_out {u64} NOT NULL,
  bytes_in {u64} NOT NULL,
  origin_requests {u64} NOT NULL,
  origin_bytes {u64} NOT NULL,
  duration_us {u64} NOT NULL,
  PRIMARY KEY (minute, domain, tier, status_class, cache_result)){table};
CREATE INDEX usage_1m_domain ON usage_1m (domain, minute);

CREATE TABLE IF NOT EXISTS usage_5m (
  minute {u64} NOT NULL,
  domain {u64} NOT NULL,
  tier {u64} NOT NULL,
  status_class {u64} NOT NULL,
  cache_result {u64} NOT NULL,
  requests {u64} NOT NULL,
  bytes_out {u64} NOT NULL,
  bytes_in {u64} NOT NULL,
  origin_requests {u64} NOT NULL,
  origin_bytes {u64} NOT NULL,
  duration_us {u64} NOT NULL,
  PRIMARY KEY (minute, domain, tier, status_class, cache_result)){table};
CREATE INDEX usage_5m_domain ON usage_5m (domain, minute);

INSERT INTO sequence (name, v) VALUES ('config', 0), ('purge', 0), ('audit', 0),
  ('resource.1', 0), ('resource.2', 0), ('resource.3', 0), ('resource.4', 0), ('resource.5', 0), ('resource.6', 0);
)sql";

constexpr std::string_view kChallenges = R"sql(
INSERT INTO sequence (name, v) SELECT 'resource.7', 0 FROM sequence
  WHERE name = 'config' AND NOT EXISTS (SELECT 1 FROM sequence WHERE name = 'resource.7');
)sql";

constexpr std::string_view kManifests = R"sql(
ALTER TABLE task ADD COLUMN reads_manifests {u64} NOT NULL DEFAULT 0;
)sql";

constexpr Migration kMigrations[] = {
    {1, "first schema", kFirst},
    {2, "accounts", kAccountsSchema},
    {3, "statistics", kStatisticsSchema},
    {4, "challenges of certificate authorities", kChallenges},
    {5, "billing", kBillingSchema},
    {6, "orders at certificate authorities", kAcmeSchema},
    {7, "access logs", kLogsSchema},
    {8, "people at identity providers", kIdentitiesSchema},
    {9, "caps", kCapsSchema},
    {10, "manifests of prefetches", kManifests},
    {11, "quotas of refresh and prefetch", kQuotasSchema},
};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace yz::store
