#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace yz::acme {

/// Where an authority's operations are (RFC 8555 §7.1.1).
struct Directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string revoke_cert;
  std::string key_change;    ///< empty: not offered
  std::string renewal_info;  ///< RFC 9773; empty: not offered
  std::string terms_of_service;
  bool needs_external_account = false;
};

enum class OrderStatus : std::uint8_t { kPending, kReady, kProcessing, kValid, kInvalid };

/// An authority's refusal (RFC 8555 §6.7, RFC 9457).
struct AcmeProblem {
  std::string type;  ///< without "urn:ietf:params:acme:error:": "badNonce", "rateLimited"; empty: none given
  std::string detail;
  int status = 0;
  struct Part {
    std::string identifier;
    std::string type;
    std::string detail;
  };
  std::vector<Part> parts;                          ///< subproblems (§6.7.1)
  std::optional<std::chrono::seconds> retry_after;  ///< from the field Retry-After

  /// "rejectedIdentifier: … (a.com: …)".
  [[nodiscard]] std::string text() const;
};

struct AcmeOrder {
  std::string url;
  OrderStatus status = OrderStatus::kPending;
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;             ///< URL, once valid
  std::optional<AcmeProblem> problem;  ///< of an invalid one
  std::optional<std::chrono::seconds> retry_after;
};

enum class AuthorizationStatus : std::uint8_t { kPending, kValid, kInvalid, kDeactivated, kExpired, kRevoked };

struct OfferedChallenge {
  std::string type;  ///< "http-01", "dns-01", others we do not answer
  std::string url;
  std::string token;
  std::string status;  ///< "pending", "processing", "valid", "invalid"
  std::optional<AcmeProblem> problem;
};

struct Authorization {
  std::string host;  ///< without "*."
  bool is_wildcard = false;
  AuthorizationStatus status = AuthorizationStatus::kPending;
  std::vector<OfferedChallenge> challenges;
  std::optional<std::chrono::seconds> retry_after;

  [[nodiscard]] const OfferedChallenge* find(std::string_view type) const;
  /// Why validation failed, from the challenge that says it; null: none does.
  [[nodiscard]] const AcmeProblem* problem() const;
};

/// When the authority wants a certificate to be renewed (RFC 9773 §4.2).
struct RenewalInfo {
  WallTime start;
  WallTime end;
  std::string explanation;  ///< URL for people
  std::chrono::seconds ask_again{6 * 3600};
};

// Each reads one JSON document. Fails with kCorrupt, the authority's fault, when it is not what the RFC promises.
[[nodiscard]] Result<Directory> read_directory(std::string_view json);
[[nodiscard]] Result<AcmeOrder> read_order(std::string_view json);
[[nodiscard]] Result<Authorization> read_authorization(std::string_view json);
[[nodiscard]] Result<RenewalInfo> read_renewal_info(std::string_view json);
/// Never fails: what is no problem document becomes one without a type.
[[nodiscard]] AcmeProblem read_problem(int status, std::string_view body);

/// Seconds from now on (RFC 9110 §10.2.3: a number or a date); none when it is neither. Never negative.
[[nodiscard]] std::optional<std::chrono::seconds> read_retry_after(std::string_view field, WallTime now);

/// The URLs of Link fields with this relation (RFC 8288), as the authority gave them.
[[nodiscard]] std::vector<std::string> links_of(std::string_view field, std::string_view relation);

}  // namespace yz::acme
