#pragma once

#include <concepts>
#include <type_traits>

#include "model/certificate.h"
#include "model/challenge.h"
#include "model/config_snapshot.h"
#include "model/domain.h"
#include "model/node.h"
#include "model/node_state.h"
#include "model/origin.h"
#include "model/policy.h"
#include "model/purge.h"
#include "model/settings.h"
#include "model/suspension.h"
#include "model/task.h"
#include "model/tenant.h"
#include "model/usage.h"

namespace yz::model {

// The fields of every struct, once, in the order of the binary formats (docs/formats). The codec, the JSON reader and
// the JSON writer are visitors over these lists: `v(name, member)` for a field, `v.secret(name, member)` for one that
// is never written for people. A new field goes last, behind `if (v.has(N))`, and raises kFormatVersion in codec.cpp to
// N: readers of N take older bytes, too, and leave such fields as they are by default.

template <typename T, typename Struct>
concept Of = std::same_as<std::remove_const_t<T>, Struct>;

template <typename V>
void visit_fields(V& v, Of<Tenant> auto& x) {
  v("id", x.id), v("name", x.name), v("enabled", x.enabled), v("quota", x.quota);
}

template <typename V>
void visit_fields(V& v, Of<TaskQuota> auto& x) {
  v("refresh_urls", x.refresh_urls), v("refresh_groups", x.refresh_groups), v("prefetch_urls", x.prefetch_urls);
}

template <typename V>
void visit_fields(V& v, Of<Place> auto& x) {
  v("country", x.country), v("province", x.province);
}

template <typename V>
void visit_fields(V& v, Of<Origin> auto& x) {
  v("host", x.host), v("port", x.port), v("weight", x.weight), v("backup", x.backup), v("tls", x.tls);
}

template <typename V>
void visit_fields(V& v, Of<HeaderField> auto& x) {
  v("name", x.name), v("value", x.value);
}

template <typename V>
void visit_fields(V& v, Of<OriginGroup> auto& x) {
  v("id", x.id), v("tenant", x.tenant), v("name", x.name), v("origins", x.origins), v("host_header", x.host_header);
  v("sni", x.sni), v("verify_tls", x.verify_tls), v("connect_timeout", x.connect_timeout);
  v("first_byte_timeout", x.first_byte_timeout), v("max_connections", x.max_connections);
  if (!v.has(2)) return;
  v("idle_timeout", x.idle_timeout), v("max_queued", x.max_queued), v("queue_timeout", x.queue_timeout);
  v("tls_name", x.tls_name), v("ca_pem", x.ca_pem), v("min_tls", x.min_tls), v("fall", x.fall), v("rise", x.rise);
  v("open_time", x.open_time), v("slow_start", x.slow_start), v("retry_percent", x.retry_percent);
  v("health_path", x.health_path), v("health_interval", x.health_interval);
  v("on_client_abort", x.on_client_abort), v("finish_percent", x.finish_percent);
  v("set_headers", x.set_headers), v("remove_headers", x.remove_headers), v("auth", x.auth);
  v("auth_key", x.auth_key), v.secret("auth_secret", x.auth_secret), v("auth_region", x.auth_region);
  v("auth_bucket", x.auth_bucket);
}

template <typename V>
void visit_fields(V& v, Of<CacheRule> auto& x) {
  v("match", x.match), v("pattern", x.pattern), v("action", x.action), v("ttl", x.ttl), v("priority", x.priority);
}

template <typename V>
void visit_fields(V& v, Of<KeyRule> auto& x) {
  v("query", x.query), v("params", x.params), v("sort_query", x.sort_query);
}

template <typename V>
void visit_fields(V& v, Of<Domain> auto& x) {
  v("id", x.id), v("tenant", x.tenant), v("name", x.name), v("aliases", x.aliases), v("cname_label", x.cname_label);
  v("origin_group", x.origin_group), v("policy", x.policy), v("certificate", x.certificate);
  v("cache_rules", x.cache_rules), v("key_rule", x.key_rule), v("profile", x.profile);
  v("stale_on_error", x.stale_on_error), v("correction", x.correction), v("enabled", x.enabled);
  v("version", x.version);
  if (!v.has(3)) return;
  v("https", x.https);
  if (!v.has(7)) return;
  v("prefetch_rate", x.prefetch_rate);
}

template <typename V>
void visit_fields(V& v, Of<HttpsRule> auto& x) {
  v("redirect", x.redirect), v("hsts", x.hsts), v("min_tls", x.min_tls);
}

template <typename V>
void visit_fields(V& v, Of<Hsts> auto& x) {
  v("max_age", x.max_age), v("include_subdomains", x.include_subdomains), v("preload", x.preload);
}

template <typename V>
void visit_fields(V& v, Of<NodeGroup> auto& x) {
  v("id", x.id), v("name", x.name), v("tier", x.tier), v("place", x.place), v("isps", x.isps);
  v("parent_group", x.parent_group), v("enabled", x.enabled);
}

template <typename V>
void visit_fields(V& v, Of<Node> auto& x) {
  v("id", x.id), v("name", x.name), v("group", x.group), v("addresses", x.addresses), v("http_port", x.http_port);
  v("weight", x.weight), v("capacity_mbps", x.capacity_mbps), v("enabled", x.enabled), v("draining", x.draining);
  if (!v.has(3)) return;
  v("https_port", x.https_port);
}

template <typename V>
void visit_fields(V& v, Of<PolicyRule> auto& x) {
  v("place", x.place), v("isp", x.isp), v("groups", x.groups);
}

template <typename V>
void visit_fields(V& v, Of<Policy> auto& x) {
  v("id", x.id), v("name", x.name), v("rules", x.rules), v("pool", x.pool), v("default_groups", x.default_groups);
  v("chain", x.chain), v("answers", x.answers), v("ttl", x.ttl), v("degraded_ttl", x.degraded_ttl);
  v("panic_percent", x.panic_percent);
}

template <typename V>
void visit_fields(V& v, Of<Certificate> auto& x) {
  v("id", x.id), v("tenant", x.tenant), v("name", x.name), v("names", x.names), v("chain_pem", x.chain_pem);
  v.secret("key_pem", x.key_pem), v("not_after", x.not_after);
  if (!v.has(5)) return;
  v("not_before", x.not_before), v("source", x.source);
}

template <typename V>
void visit_fields(V& v, Of<Challenge> auto& x) {
  v("id", x.id), v("tenant", x.tenant), v("name", x.name), v("kind", x.kind), v("host", x.host);
  v("token", x.token), v("value", x.value);
}

template <typename V>
void visit_fields(V& v, Of<Suspension> auto& x) {
  v("id", x.id), v("tenant", x.tenant), v("name", x.name), v("domain", x.domain), v("cause", x.cause);
  v("until", x.until);
}

template <typename V>
void visit_fields(V& v, Of<NameServer> auto& x) {
  v("name", x.name), v("addresses", x.addresses);
}

template <typename V>
void visit_fields(V& v, Of<Settings> auto& x) {
  v("cdn_zone", x.cdn_zone), v("name_servers", x.name_servers), v("hostmaster", x.hostmaster);
  v("ns_ttl", x.ns_ttl), v("negative_ttl", x.negative_ttl), v.secret("cluster_key", x.cluster_key);
  v("trusted_proxies", x.trusted_proxies);
}

template <typename V>
void visit_fields(V& v, Of<PurgeRecord> auto& x) {
  v("seq", x.seq), v("kind", x.kind), v("domain", x.domain), v("key", x.key), v("hard", x.hard);
  v("issued_at", x.issued_at);
}

template <typename V>
void visit_fields(V& v, Of<TaskTarget> auto& x) {
  v("kind", x.kind), v("domain", x.domain), v("key", x.key), v("url", x.url);
}

template <typename V>
void visit_fields(V& v, Of<NodeProgress> auto& x) {
  v("node", x.node), v("state", x.state), v("done", x.done), v("failed", x.failed), v("message", x.message);
  v("updated", x.updated);
}

template <typename V>
void visit_fields(V& v, Of<Task> auto& x) {
  v("id", x.id), v("tenant", x.tenant), v("kind", x.kind), v("state", x.state), v("targets", x.targets);
  v("hard", x.hard), v("first_seq", x.first_seq), v("last_seq", x.last_seq), v("created", x.created);
  v("finished", x.finished), v("nodes", x.nodes);
}

template <typename V>
void visit_fields(V& v, Of<UsageKey> auto& x) {
  v("minute", x.minute), v("domain", x.domain), v("tier", x.tier), v("status_class", x.status_class);
  v("cache_result", x.cache_result);
  if (!v.has(4)) return;
  v("protocol", x.protocol), v("is_tls", x.is_tls), v("country", x.country), v("province", x.province);
  v("isp", x.isp);
}

template <typename V>
void visit_fields(V& v, Of<UsageCounts> auto& x) {
  v("requests", x.requests), v("bytes_out", x.bytes_out), v("bytes_in", x.bytes_in);
  v("origin_requests", x.origin_requests), v("origin_bytes", x.origin_bytes), v("duration_us", x.duration_us);
}

template <typename V>
void visit_fields(V& v, Of<UsageRecord> auto& x) {
  v("key", x.key), v("counts", x.counts);
}

template <typename V>
void visit_fields(V& v, Of<UsageBatch> auto& x) {
  v("node", x.node), v("epoch", x.epoch), v("number", x.number), v("records", x.records);
  if (!v.has(4)) return;
  v("covers_from", x.covers_from), v("covers_until", x.covers_until);
}

template <typename V>
void visit_fields(V& v, Of<Load> auto& x) {
  v("requests_per_s", x.requests_per_s), v("bits_out_per_s", x.bits_out_per_s), v("connections", x.connections);
  v("cpu", x.cpu), v("cache_bytes", x.cache_bytes), v("hit_ratio", x.hit_ratio);
}

template <typename V>
void visit_fields(V& v, Of<Heartbeat> auto& x) {
  v("ready", x.ready), v("draining", x.draining), v("applied_config", x.applied_config);
  v("applied_purge", x.applied_purge), v("load", x.load);
}

template <typename V>
void visit_fields(V& v, Of<NodeState> auto& x) {
  v("node", x.node), v("connected", x.connected), v("ready", x.ready), v("draining", x.draining);
  v("acked_config", x.acked_config), v("applied_purge", x.applied_purge), v("load", x.load);
  v("last_heartbeat", x.last_heartbeat);
}

template <typename V>
void visit_fields(V& v, Of<HealthVerdict> auto& x) {
  v("node", x.node), v("health", x.health), v("reason", x.reason), v("since", x.since);
}

}  // namespace yz::model
