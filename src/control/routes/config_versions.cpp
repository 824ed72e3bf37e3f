#include <nlohmann/json.hpp>

#include "control/body.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "control/versions.h"

namespace yz::control {
namespace {

constexpr std::size_t kScan = 500;

tl::expected<std::optional<model::ResourceKey>, Problem> read_filter(const Call& call) {
  const auto kind_text = call.parameter("kind");
  if (!kind_text) return std::nullopt;
  const auto kind = parse_kind(*kind_text);
  if (!kind) return refuse(bad_request("kind is not one of the resource kinds."));
  model::ResourceKey key{*kind, 0};
  if (const auto id = call.parameter("id")) {
    const auto number = parse_u64(*id);
    if (!number) return refuse(bad_request("id must be a number."));
    key.id = *number;
  }
  return key;
}

bool fits(const store::ConfigRecord& record, const std::optional<model::ResourceKey>& filter) {
  return !filter || (record.key.kind == filter->kind && (filter->id == 0 || record.key.id == filter->id));
}

Outcome list(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  auto filter = read_filter(call);
  if (!filter) return refuse(filter.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    nlohmann::json items = nlohmann::json::array();
    model::ConfigSeq before{page->after};
    std::uint64_t next = 0;
    for (bool more = true; more;) {
      YZ_TRY(const auto records, store::ConfigLog(tx).latest(kScan, before));
      more = records.size() == kScan;
      for (const store::ConfigRecord& record : records) {
        if (items.size() == page->limit) {
          next = before.value;
          more = false;
          break;
        }
        before = record.seq;
        if (fits(record, *filter)) items.push_back(version_json(record));
      }
    }
    return page_reply(std::move(items), next);
  });
}

Outcome diff(const RouteContext& context, const Call& call) {
  const model::ConfigSeq to{call.id("seq")};
  model::ConfigSeq from{to.value == 0 ? 0 : to.value - 1};
  if (const auto against = call.parameter("against")) {
    const auto number = parse_u64(*against);
    if (!number) return refuse(bad_request("against must be the number of a version."));
    from = model::ConfigSeq{*number};
  }
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    store::ConfigLog log(tx);
    YZ_TRY(const model::ConfigSeq head, log.head());
    if (!to || to > head || from > head) return refuse(not_found("such version"));
    YZ_TRY(const model::ConfigSnapshot old_one, log.snapshot_at(from));
    YZ_TRY(const model::ConfigSnapshot new_one, log.snapshot_at(to));
    return json_reply(diff_json(old_one, new_one));
  });
}

struct RollbackWish {
  model::ConfigSeq to;
  std::optional<model::ResourceKey> only;
};

tl::expected<RollbackWish, Problem> read_wish(const nlohmann::json& body) {
  BodyReader reader(body, {"to", "kind", "id"});
  RollbackWish out;
  out.to = model::ConfigSeq{reader.number("to", true).value_or(0)};
  if (reader.ok() && !out.to) reader.wrong("/to", "expected the number of a version, from 1");
  const auto kind_text = reader.text("kind");
  const auto id = reader.number("id", kind_text && *kind_text != "settings");
  if (id && !kind_text) reader.wrong("/kind", "is needed with id");
  if (kind_text) {
    const auto kind = parse_kind(*kind_text);
    if (!kind) reader.wrong("/kind", "is not one of the resource kinds");
    if (kind) out.only = model::ResourceKey{*kind, id.value_or(0)};
  }
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

Outcome roll_back(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  auto wish = read_wish(*body);
  if (!wish) return refuse(wish.error());
  return change_config(
      context.database, context.state,
      [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
        return once(tx, call, [&]() -> Outcome {
          auto records = control::roll_back(tx, call.author(), wish->to, wish->only);
          if (!records) return refuse(records.error());
          nlohmann::json changes = nlohmann::json::array();
          for (const store::ConfigRecord& record : *records) {
            changed.push_back(record.key);
            changes.push_back(version_json(record)["changes"][0]);
          }
          YZ_TRY(const model::ConfigSeq head, store::ConfigLog(tx).head());
          return json_reply({{"seq", head.value}, {"to", wish->to.value}, {"changes", std::move(changes)}});
        });
      });
}

}  // namespace

Routes config_version_routes(const RouteContext& context) {
  return {
      {"GET", "/api/v1/config/versions", "config:read",
       BlockingHandler([context](const Call& call) { return list(context, call); })},
      {"GET", "/api/v1/config/versions/{seq}/diff", "config:read",
       BlockingHandler([context](const Call& call) { return diff(context, call); })},
      {"POST", "/api/v1/config/rollback", "config:write",
       BlockingHandler([context](const Call& call) { return roll_back(context, call); })},
  };
}

}  // namespace yz::control
