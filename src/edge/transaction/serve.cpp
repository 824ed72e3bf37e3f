#include "base/text.h"
#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/slice_desk.h"
#include "edge/stored_object.h"
#include "edge/transaction/fill.h"
#include "edge/transaction/phases.h"
#include "http/conditional.h"
#include "http/vary.h"

namespace yz::edge {
namespace {

/// How often a request starts over (another variant arrived, a leader gave up) before it fetches for itself.
constexpr int kMostRounds = 4;
/// How long it waits for one leader after another.
constexpr std::chrono::minutes kMostPatience{5};

bool may_use_cache(const Transaction& tx) {
  const http::RequestHead& request = tx.request();
  const bool reads = request.method == http::Method::kGet || request.method == http::Method::kHead;
  const bool excluded = tx.rule != nullptr && tx.rule->action == model::CacheAction::kNoStore;
  return reads && !tx.exchange.has_body() && tx.is_cacheable_path && !excluded;
}

/// A response in the language this request prefers to all others answers it, whoever it was made for
/// (http::preferred_language).
void look_for_language(Transaction& tx, cache::Lookup& found) {
  const std::string_view language = http::preferred_language(tx.request().fields);
  const auto variant = language_variant(found.rule->names(), tx.request().fields, language, tx.worker.scratch());
  if (!variant) return;
  cache::Lookup other = tx.store().lookup(tx.primary, [&](std::string_view) { return *variant; });
  if (!other.object) return;
  const http::HeaderMap stored = stored_fields(*other.object);
  const auto spoken = stored.value(http::FieldId::kContentLanguage);
  if (spoken && equals_ignoring_case(*spoken, language)) found = std::move(other);
}

cache::Lookup look_up(Transaction& tx) {
  cache::Lookup found = tx.store().lookup(
      tx.primary, [&](std::string_view names) { return variant_of(names, tx.request().fields, tx.worker.scratch()); });
  if (found.rule && !found.object && tx.site->profile == http::Profile::kRfc) look_for_language(tx, found);
  return found;
}

/// What memory lacks may be on disk: a rule first where the URL varies, then the response.
io::Task<cache::Lookup> recall(Transaction& tx, cache::Lookup found) {
  constexpr int kReads = 2;
  const MonoTime began = tx.mono();
  for (int i = 0; i < kReads && tx.store().may_recall(found); ++i) {
    if (!co_await tx.store().recall(found.key)) break;
    found = look_up(tx);
  }
  tx.worker.server().counters().phases.record(Phase::kDisk, began, tx.mono());
  tx.now = tx.worker.wall_now();
  co_return found;
}

/// RFC 9111 §4, then what purges and a peer's purge clock ask for.
http::Reuse decide(const Transaction& tx, const cache::Object& object, const http::StoredPolicy& policy) {
  if (object.is_soft_purged()) return http::Reuse::kValidate;
  if (tx.asked_seq > tx.store().purges().latest() && object.born() < tx.asked_seq) return http::Reuse::kValidate;
  return http::decide_reuse(policy, tx.asked, tx.site->profile, tx.now);
}

void note_hit(Transaction& tx, bool is_stale) {
  tx.status.hit = true;
  tx.result = is_stale ? model::CacheResult::kStale : model::CacheResult::kHit;
}

http::Forward forward_reason(const Transaction& tx, const cache::Lookup& found) {
  if (!found.object) return found.rule ? http::Forward::kVaryMiss : http::Forward::kUriMiss;
  return policy_of(*found.object).is_fresh(tx.now) ? http::Forward::kRequest : http::Forward::kStale;
}

void prepare_key(Transaction& tx) {
  tx.target = key_target(tx.request(), tx.site->domain.key_rule, tx.target_text);
  tx.rule = tx.site->domain.cache_rules.empty() ? nullptr : model::find_cache_rule(tx.site->domain, tx.request().path);
  tx.primary = cache::primary_key(tx.host, tx.target);
  tx.base = cache::base_id(tx.host, tx.target);
  const http::FieldList& fields = tx.request().fields;
  if (fields.has(http::FieldId::kCacheControl) || fields.has(http::FieldId::kPragma)) {
    tx.asked = http::request_directives(fields);
  }
}

/// Whether it asks for a range of something whose ranges are known not to be shareable.
bool is_unshared_range(Transaction& tx) {
  return tx.request().fields.has(http::FieldId::kRange) &&
         tx.worker.server().slices().is_unshared(tx.primary, tx.mono());
}

/// While validation is known to fail there is no use in asking again yet (RFC 9111 §4.2.4, RFC 5861 §4).
bool is_in_backoff(const Transaction& tx, const cache::Lookup& found) {
  if (tx.asked_seq > tx.store().purges().latest()) return false;
  return tx.worker.server().backoff().is_waiting(found.key.slot(), tx.worker.mono_now());
}

/// Validates a stale object behind the viewer's back, once however many viewers come (RFC 5861 §3).
void revalidate_behind(Transaction& tx, const cache::Lookup& found) {
  auto joined = tx.store().join(found.key, tx.base, tx.host, tx.target, tx.mono(), found.object.get());
  if (joined.lead) start_fill(tx, std::move(joined.lead), found.key, found.object, nullptr);
}

/// What answers a condition or a range is not stored on its way past hit-for-miss. Under the rfc profile such a request
/// asks for the whole, so that it is stored if it can be.
void prefer_a_fill(Transaction& tx, const cache::Lookup& found) {
  if (tx.site->profile != http::Profile::kRfc) return;
  const http::FieldList& fields = tx.request().fields;
  if (fields.has(http::FieldId::kRange) || http::has_preconditions(fields)) tx.store().forget_pass(found.key.slot());
}

io::Task<Followed> fetch_and_follow(Transaction& tx, cache::Lookup found) {
  prefer_a_fill(tx, found);
  auto joined = tx.store().join(found.key, tx.base, tx.host, tx.target, tx.mono(), found.object.get());
  if (joined.arrived) {
    note_hit(tx, false);
    co_await respond_stored(tx, std::move(joined.arrived));
    co_return Followed::kDone;
  }
  if (joined.is_pass) co_return Followed::kPass;
  tx.result = model::CacheResult::kMiss;
  // What waits here may prove to be for whoever asked first; two with credentials need not wait to learn it.
  const bool is_unknown = joined.follow && joined.follow->state() == cache::FillState::kHeadPending;
  if (is_unknown && tx.request().fields.has(http::FieldId::kAuthorization)) co_return Followed::kPass;
  if (joined.follow) {
    tx.status.collapsed = true;
    co_return co_await follow(tx, std::move(joined.follow), nullptr, std::move(found.object));
  }
  auto handoff = std::make_shared<Handoff>();
  cache::Ref<cache::Fill> fill = joined.lead.share();
  // follow() makes its reader before it first waits, and the fill does not end before it waited for the upstream.
  start_fill(tx, std::move(joined.lead), found.key, found.object, handoff);
  co_return co_await follow(tx, std::move(fill), std::move(handoff), std::move(found.object));
}

/// Until it is answered: from disk, by what others fetch, by a fetch of its own.
io::Task<void> find_answer(Transaction& tx, cache::Lookup found) {
  const MonoTime give_up = tx.worker.reactor().in(kMostPatience);
  for (int round = 0; round < kMostRounds; found = look_up(tx)) {
    const bool asks_disk = tx.store().may_recall(found);
    if (asks_disk) found = co_await recall(tx, std::move(found));
    if (found.object) {
      const http::StoredPolicy policy = policy_of(*found.object);
      const http::Reuse reuse = decide(tx, *found.object, policy);
      const bool waits = reuse != http::Reuse::kServe && is_in_backoff(tx, found);
      if (reuse != http::Reuse::kValidate) {
        note_hit(tx, !policy.is_fresh(tx.now));
        if (asks_disk) tx.status.detail = "disk";
        if (reuse == http::Reuse::kServeAndRevalidate && !waits) revalidate_behind(tx, found);
        co_return co_await respond_stored(tx, std::move(found.object));
      }
      if (waits && http::may_serve_on_error(policy, tx.site->domain.stale_on_error, tx.now)) {
        note_hit(tx, true);
        tx.status.detail = "upstream-failed";
        co_return co_await respond_stored(tx, std::move(found.object));
      }
    }
    if (tx.asked.only_if_cached && tx.site->profile == http::Profile::kRfc) {
      co_return co_await refuse(tx, 504, "not in the cache, and the request allows nothing else (RFC 9111 §5.2.1.7)");
    }
    tx.status.forward = forward_reason(tx, found);
    // A HEAD brings no body to store, and a purge we have not seen yet may hit what others are fetching.
    if (tx.request().method == http::Method::kHead || tx.asked_seq > tx.store().purges().latest()) break;
    if (is_unshared_range(tx)) break;
    tx.key = found.key;
    const Followed outcome = co_await fetch_and_follow(tx, std::move(found));
    if (outcome == Followed::kDone) co_return;
    tx.is_hit_for_miss = outcome == Followed::kPass;
    if (tx.is_hit_for_miss) break;
    if (outcome == Followed::kAgain) ++round;
    if (tx.mono() >= give_up) co_return co_await refuse(tx, 504, "the upstream sent no answer in time");
  }
  co_await pass(tx, tx.status.forward);
}

}  // namespace

io::Task<void> serve(Transaction& tx) {
  prepare_key(tx);
  if (!may_use_cache(tx)) {
    const bool reads = tx.request().method == http::Method::kGet || tx.request().method == http::Method::kHead;
    return pass(tx, reads ? http::Forward::kBypass : http::Forward::kMethod);
  }
  cache::Lookup found = look_up(tx);
  if (found.object) {
    const http::StoredPolicy policy = policy_of(*found.object);
    if (decide(tx, *found.object, policy) == http::Reuse::kServe) {
      note_hit(tx, !policy.is_fresh(tx.now));
      return respond_stored(tx, std::move(found.object));
    }
  }
  return find_answer(tx, std::move(found));
}

}  // namespace yz::edge
