#pragma once

#include <string_view>

namespace yz::store {

/// Users, their sessions and recovery codes, counted logins, and what restricts an API token.
/// `password_hash` and the hashes of secrets are all that is kept of them; `totp` is sealed (sealer.h).
inline constexpr std::string_view kAccountsSchema = R"sql(
CREATE TABLE IF NOT EXISTS user_account (
  id {id},
  email {key} NOT NULL UNIQUE,
  name {key} NOT NULL,
  role {key} NOT NULL,
  tenant {u64} NULL,
  domains {text} NULL,
  enabled {u64} NOT NULL,
  password_hash {text} NOT NULL,
  password_at {u64} NOT NULL,
  must_change {u64} NOT NULL,
  totp {text} NULL,
  totp_confirmed_at {u64} NULL,
  totp_step {u64} NOT NULL,
  last_login_at {u64} NULL,
  version {u64} NOT NULL,
  created_at {u64} NOT NULL,
  updated_at {u64} NOT NULL,
  FOREIGN KEY (tenant) REFERENCES tenant (id)){table};
CREATE INDEX user_account_tenant ON user_account (tenant, id);

CREATE TABLE IF NOT EXISTS recovery_code (
  account {u64} NOT NULL,
  hash {key} NOT NULL,
  PRIMARY KEY (account, hash),
  FOREIGN KEY (account) REFERENCES user_account (id) ON DELETE CASCADE){table};

CREATE TABLE IF NOT EXISTS user_session (
  id {id},
  hash {key} NOT NULL UNIQUE,
  account {u64} NOT NULL,
  created_at {u64} NOT NULL,
  last_seen_at {u64} NOT NULL,
  expires_at {u64} NOT NULL,
  user_agent {text} NOT NULL,
  address {key} NOT NULL,
  FOREIGN KEY (account) REFERENCES user_account (id) ON DELETE CASCADE){table};
CREATE INDEX user_session_account ON user_session (account, id);
CREATE INDEX user_session_expiry ON user_session (expires_at);

CREATE TABLE IF NOT EXISTS login_attempt (
  subject {key} NOT NULL PRIMARY KEY,
  attempts {u64} NOT NULL,
  last_at {u64} NOT NULL,
  blocked_until {u64} NOT NULL){table};
CREATE INDEX login_attempt_last ON login_attempt (last_at);

ALTER TABLE api_token ADD COLUMN permissions {text} NULL;
ALTER TABLE api_token ADD COLUMN addresses {text} NULL;
ALTER TABLE api_token ADD COLUMN domains {text} NULL;
)sql";

}  // namespace yz::store
