#pragma once

#include <string_view>

namespace yz::store {

/// Who people are at identity providers, and which logins there have come back (identity_store.h).
inline constexpr std::string_view kIdentitiesSchema = R"sql(
CREATE TABLE IF NOT EXISTS user_identity (
  hash {key} NOT NULL PRIMARY KEY,
  issuer_hash {key} NOT NULL,
  account {u64} NOT NULL,
  issuer {text} NOT NULL,
  subject {text} NOT NULL,
  linked_at {u64} NOT NULL,
  UNIQUE (account, issuer_hash),
  FOREIGN KEY (account) REFERENCES user_account (id) ON DELETE CASCADE){table};

CREATE TABLE IF NOT EXISTS used_login (
  hash {key} NOT NULL PRIMARY KEY,
  expires_at {u64} NOT NULL){table};
CREATE INDEX used_login_expiry ON used_login (expires_at);
)sql";

}  // namespace yz::store
