#include "model/enum_names.h"

namespace yz::model {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kCacheRuleMatch[] = {"all", "directory", "suffix", "exact"};
constexpr std::string_view kCacheAction[] = {"honour_origin", "ttl", "no_store"};
constexpr std::string_view kQueryKey[] = {"keep_all", "ignore_all", "keep_listed", "drop_listed"};
constexpr std::string_view kCacheProfile[] = {"safe", "rfc"};
constexpr std::string_view kTier[] = {"l1", "l2"};
constexpr std::string_view kChainStep[] = {"province_isp", "region_isp",  "country_isp", "province_multi",
                                           "province_any", "country_any", "default"};
constexpr std::string_view kPurgeKind[] = {"url", "directory", "tag", "host", "all"};
constexpr std::string_view kTaskKind[] = {"refresh", "prefetch"};
constexpr std::string_view kTaskState[] = {"pending", "running", "complete", "partial", "failed"};
constexpr std::string_view kProtocol[] = {"unknown", "http1", "http2", "http3"};
constexpr std::string_view kCacheResult[] = {"none", "hit", "miss", "revalidated", "stale", "bypass"};
constexpr std::string_view kHttpsRedirect[] = {"off", "301", "308"};
constexpr std::string_view kTlsVersion[] = {"tls12", "tls13"};
constexpr std::string_view kOnClientAbort[] = {"finish", "stop_below"};
constexpr std::string_view kOriginAuth[] = {"none", "aws_v4", "ali_oss"};
constexpr std::string_view kChallengeKind[] = {"http-01", "dns-01"};
constexpr std::string_view kCertificateSource[] = {"uploaded", "acme"};
constexpr std::string_view kCapKind[] = {"bandwidth", "traffic", "spend"};
constexpr std::string_view kHealth[] = {"unknown", "up", "suspect", "down"};

}  // namespace

template <>
Names names_of<CacheRuleMatch>() {
  return kCacheRuleMatch;
}
template <>
Names names_of<CacheAction>() {
  return kCacheAction;
}
template <>
Names names_of<QueryKey>() {
  return kQueryKey;
}
template <>
Names names_of<CacheProfile>() {
  return kCacheProfile;
}
template <>
Names names_of<Tier>() {
  return kTier;
}
template <>
Names names_of<ChainStep>() {
  return kChainStep;
}
template <>
Names names_of<PurgeKind>() {
  return kPurgeKind;
}
template <>
Names names_of<TaskKind>() {
  return kTaskKind;
}
template <>
Names names_of<TaskState>() {
  return kTaskState;
}
template <>
Names names_of<Protocol>() {
  return kProtocol;
}
template <>
Names names_of<CacheResult>() {
  return kCacheResult;
}
template <>
Names names_of<HttpsRedirect>() {
  return kHttpsRedirect;
}
template <>
Names names_of<TlsVersion>() {
  return kTlsVersion;
}
template <>
Names names_of<OnClientAbort>() {
  return kOnClientAbort;
}
template <>
Names names_of<OriginAuth>() {
  return kOriginAuth;
}
template <>
Names names_of<ChallengeKind>() {
  return kChallengeKind;
}
template <>
Names names_of<CertificateSource>() {
  return kCertificateSource;
}
template <>
Names names_of<CapKind>() {
  return kCapKind;
}
template <>
Names names_of<Health>() {
  return kHealth;
}

}  // namespace yz::model
