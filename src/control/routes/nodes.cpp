#include "control/body.h"
#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "rpc/ca.h"
#include "store/join_token_store.h"
#include "store/node_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::hours kDefaultValidity{1};
constexpr std::chrono::hours kLongestValidity{24 * 30};

struct NodeKind {
  using Value = model::Node;
  using Store = store::NodeStore;
  static constexpr std::string_view kPath = "nodes";
  static constexpr std::string_view kNoun = "node";
  static constexpr Permission kRead = "node:read";
  static constexpr Permission kWrite = "node:write";
  static constexpr bool kOwned = false;

  static std::vector<std::string_view> read_only() { return {"id"}; }
  static Value base(const Value* /*before*/) { return {}; }
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& /*config*/, Value& /*value*/) { return {}; }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

Outcome drain(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"draining"});
  const bool draining = reader.boolean("draining", true).value_or(false);
  if (!reader.ok()) return refuse(reader.problem());

  return change_config(context.database, context.state,
                       [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
                         store::NodeStore nodes(tx);
                         auto row = nodes.get(model::NodeId{call.id()});
                         if (!row && row.error().code == Code::kNotFound) return refuse(not_found("node"));
                         if (!row) return refuse(Problem(row.error()));
                         if (row->value.draining != draining) {
                           row->value.draining = draining;
                           auto updated = nodes.update(call.author(), row->value);
                           if (!updated) return refuse(Problem(updated.error()));
                           row = std::move(updated);
                           changed.push_back(model::key_of(row->value));
                         }
                         Reply reply = json_reply(model::to_json(row->value));
                         reply.headers.emplace_back("ETag", etag_of(row->version));
                         return reply;
                       });
}

struct JoinWish {
  store::JoinToken token;
  std::chrono::milliseconds valid_for = kDefaultValidity;
};

tl::expected<JoinWish, Problem> read_join_wish(const nlohmann::json& body) {
  BodyReader reader(body, {"role", "node", "name", "valid_for"});
  JoinWish out;
  out.token.role = reader.choice("role", {"edge", "scheduler", "relay"}, true).value_or("");
  const bool is_edge = out.token.role == "edge";
  out.token.node = model::NodeId{reader.number("node", is_edge).value_or(0)};
  if (!is_edge && out.token.node) reader.wrong("/node", "a scheduler or relay is no node");
  out.token.name = reader.text("name").value_or("");
  out.valid_for = reader.duration("valid_for", kLongestValidity).value_or(kDefaultValidity);
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

Outcome create_join_token(const RouteContext& context, const std::string& ca_pem, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  auto wish = read_join_wish(*body);
  if (!wish) return refuse(wish.error());
  YZ_TRY(const std::string fingerprint, rpc::certificate_fingerprint(ca_pem));

  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(
        tx, call,
        [&]() -> Outcome {
          if (wish->token.node) {
            auto node = store::NodeStore(tx).get(wish->token.node);
            if (!node && node.error().code == Code::kNotFound) {
              return refuse(unprocessable("/node", "there is no such node"));
            }
            if (!node) return refuse(Problem(node.error()));
          }
          store::JoinToken token = wish->token;
          token.expires = call.now + wish->valid_for;
          YZ_TRY(const store::NewJoinToken made, store::JoinTokenStore(tx).create(call.author(), token));
          nlohmann::json out = {{"token", "yzj-" + made.secret + "-" + fingerprint.substr(0, 32)},
                                {"role", token.role},
                                {"expires", format_rfc3339(token.expires)}};
          if (token.node) out["node"] = token.node.value;
          Reply reply = json_reply(out, 201);
          reply.headers.emplace_back("Cache-Control", "no-store");
          return reply;
        },
        "token");
  });
}

}  // namespace

Routes node_routes(const RouteContext& context, std::string ca_pem) {
  Routes out = ResourceRoutes<NodeKind>::make(context);
  out.push_back({"POST", "/api/v1/nodes/{id}/drain", "node:write",
                 BlockingHandler([context](const Call& call) { return drain(context, call); })});
  out.push_back({"POST", "/api/v1/nodes/join-tokens", "node:write",
                 BlockingHandler([context, ca = std::move(ca_pem)](const Call& call) {
                   return create_join_token(context, ca, call);
                 })});
  return out;
}

}  // namespace yz::control
