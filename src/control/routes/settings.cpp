#include <nlohmann/json.hpp>

#include "control/routes/routes.h"
#include "control/transact.h"
#include "model/json.h"
#include "store/settings_store.h"

namespace yz::control {
namespace {

Reply answer(const store::Stored<model::Settings>& row) {
  Reply reply = json_reply(model::to_json(row.value));
  reply.headers.emplace_back("ETag", etag_of(row.version));
  return reply;
}

tl::expected<store::Stored<model::Settings>, Problem> find(store::Transaction& tx) {
  auto row = store::SettingsStore(tx).get();
  if (!row) return refuse(Problem(row.error()));
  if (!*row) return refuse(not_found("settings"));
  return **row;
}

Outcome get(const RouteContext& context, const Call& /*call*/) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto row = find(tx);
    if (!row) return refuse(row.error());
    return answer(*row);
  });
}

Outcome change(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  return change_config(context.database, context.state,
                       [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
                         auto row = find(tx);
                         if (!row) return refuse(row.error());
                         if (auto matched = check_if_match(call, row->version); !matched) {
                           return refuse(matched.error());
                         }
                         nlohmann::json whole = model::to_json(row->value);
                         whole.merge_patch(*body);
                         model::Settings base;  // JSON never shows the key
                         base.cluster_key = row->value.cluster_key;
                         auto settings = model::from_json<model::Settings>(whole, std::move(base));
                         if (!settings) return refuse(unprocessable(settings.error()));
                         if (auto wrong = model::validate(model::Resource(*settings)); !wrong.empty()) {
                           return refuse(unprocessable(std::move(wrong)));
                         }
                         YZ_TRY(const auto updated,
                                store::SettingsStore(tx).put(call.author(), *std::move(settings), row->version));
                         changed.push_back({model::ResourceKind::kSettings, 0});
                         return answer(updated);
                       });
}

}  // namespace

Routes settings_routes(const RouteContext& context) {
  return {
      {"GET", "/api/v1/settings", "settings:read",
       BlockingHandler([context](const Call& call) { return get(context, call); })},
      {"PATCH", "/api/v1/settings", "settings:write",
       BlockingHandler([context](const Call& call) { return change(context, call); })},
  };
}

}  // namespace yz::control
