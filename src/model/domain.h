#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/ids.h"
#include "model/tls_version.h"

namespace yz::model {

/// How a cache rule's pattern is compared with the path of a request (without its query).
enum class CacheRuleMatch : std::uint8_t {
  kAll,        ///< everything; the pattern is empty
  kDirectory,  ///< the path starts with the pattern, which starts and ends with '/'
  kSuffix,     ///< the path's extension is one of the pattern's, written "jpg,png,css"
  kExact,      ///< the path is the pattern
};

enum class CacheAction : std::uint8_t {
  kHonourOrigin,  ///< RFC 9111 decides; `ttl` (if not 0) is the lifetime of answers that name none
  kTtl,           ///< fresh for `ttl` whatever the origin says, save no-store and private
  kNoStore,       ///< passed through
};

/// Of the rules that match, the one with the highest priority counts, the first listed among equals.
struct CacheRule {
  CacheRuleMatch match = CacheRuleMatch::kAll;
  std::string pattern;
  CacheAction action = CacheAction::kHonourOrigin;
  std::chrono::seconds ttl{0};
  std::int32_t priority = 0;

  friend bool operator==(const CacheRule&, const CacheRule&) = default;
};

/// Which part of the query belongs to an object's identity.
enum class QueryKey : std::uint8_t { kKeepAll, kIgnoreAll, kKeepListed, kDropListed };

struct KeyRule {
  QueryKey query = QueryKey::kKeepAll;
  std::vector<std::string> params;  ///< for kKeepListed and kDropListed
  bool sort_query = false;          ///< ?b=1&a=2 and ?a=2&b=1 are one object

  friend bool operator==(const KeyRule&, const KeyRule&) = default;
};

/// How the cache treats what RFC 9111 leaves to it.
enum class CacheProfile : std::uint8_t {
  kSafe,  ///< for a CDN: a viewer cannot force a fetch from the origin; other points as kRfc
  kRfc,   ///< to the letter: request directives of viewers are honoured
};

/// What a request over plain HTTP is answered with.
enum class HttpsRedirect : std::uint8_t {
  kOff,        ///< its answer
  kMoved,      ///< 301 to https
  kPermanent,  ///< 308 to https, which keeps the method
};

/// Strict-Transport-Security (RFC 6797), on answers over TLS.
struct Hsts {
  std::chrono::seconds max_age{0};  ///< 0: the field is not sent
  bool include_subdomains = false;
  bool preload = false;

  friend bool operator==(const Hsts&, const Hsts&) = default;
};

struct HttpsRule {
  HttpsRedirect redirect = HttpsRedirect::kOff;  ///< where the edge has a certificate for the name
  Hsts hsts;
  TlsVersion min_tls = TlsVersion::kTls12;

  friend bool operator==(const HttpsRule&, const HttpsRule&) = default;
};

/// A host name that is served. `version` counts its changes for ETag and If-Match.
struct Domain {
  DomainId id;
  TenantId tenant;
  std::string name;                  ///< lower case, no final dot: "www.a.com"
  std::vector<std::string> aliases;  ///< other names that share its objects
  std::string cname_label;           ///< its place below the CDN zone; empty: the name itself
  OriginGroupId origin_group;
  PolicyId policy;
  CertificateId certificate;  ///< none: those of the tenant's certificates that are valid for the name asked
  std::vector<CacheRule> cache_rules;
  KeyRule key_rule;
  CacheProfile profile = CacheProfile::kSafe;
  std::chrono::seconds stale_on_error{0};  ///< how long past freshness a copy may stand in for a failing origin
  bool correction = false;                 ///< an edge redirects viewers that belong elsewhere
  bool enabled = true;
  std::uint64_t version = 1;
  HttpsRule https;
  std::uint32_t prefetch_rate = 50;  ///< requests a second that prefetches may make of its origin

  friend bool operator==(const Domain&, const Domain&) = default;
};

/// The name a customer points its CNAME at: "<label>.<zone>".
[[nodiscard]] std::string cname_target(const Domain& domain, std::string_view cdn_zone);

/// Lower case, without a final dot, checked: labels of 1-63 letters, digits, '-' and '_', not starting or ending with
/// '-', 253 characters in all (RFC 1035 §2.3.1, RFC 2181 §11). A first label "*" is refused. Fails with kInvalid.
[[nodiscard]] Result<std::string> canonical_host(std::string_view name);

/// The rule that counts for `path`, or null: then RFC 9111 decides alone. The pointer lives as long as `domain`.
[[nodiscard]] const CacheRule* find_cache_rule(const Domain& domain, std::string_view path);

}  // namespace yz::model
