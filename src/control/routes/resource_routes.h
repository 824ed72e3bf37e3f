#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/call.h"
#include "control/config_state.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "model/json.h"
#include "store/tenant_store.h"

namespace yz::control {

/// What most kinds of resource share: nothing but the id is read-only, a new one starts from the defaults, and it is
/// shown as it is stored. A kind derives from it and names its path, noun and permissions, and redefines what it does
/// otherwise.
template <typename ValueType, typename StoreType>
struct PlainKind {
  using Value = ValueType;
  using Store = StoreType;

  static std::vector<std::string_view> read_only() { return {"id"}; }
  static Value base(const Value* /*before*/) { return {}; }
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& /*config*/, Value& /*value*/) { return {}; }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

/// List, create, get, replace, change and delete for one kind of resource. `Kind` says what is special about it:
///
///   using Value, Store;                       the model's struct and its store
///   kPath, kNoun, kRead, kWrite               "origin-groups", "origin group", permissions
///   kOwned                                    rows belong to tenants (Value::tenant)
///   read_only()                               fields of the JSON that clients may send back but not set
///   base(const Value*)                        what a document is read onto: secrets that JSON never shows
///   prepare(snapshot, Value&)                 defaults and checks beyond model::validate, 422 on failure
///   render(Stored<Value>, snapshot)           the answer's JSON
template <typename Kind>
class ResourceRoutes final {
 public:
  using Value = typename Kind::Value;
  using Stored = store::Stored<Value>;
  using Id = decltype(Value::id);

  /// The six operations. `context` is copied.
  [[nodiscard]] static Routes make(const RouteContext& context) {
    const std::string collection = "/api/v1/" + std::string(Kind::kPath);
    const std::string item = collection + "/{id}";
    const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
      return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
    };
    return {
        {"GET", collection, Kind::kRead, bind(&list)}, {"POST", collection, Kind::kWrite, bind(&create)},
        {"GET", item, Kind::kRead, bind(&get)},        {"PUT", item, Kind::kWrite, bind(&replace)},
        {"PATCH", item, Kind::kWrite, bind(&change)},  {"DELETE", item, Kind::kWrite, bind(&remove)},
    };
  }

 private:
  using Read = tl::expected<Value, Problem>;

  static Outcome list(const RouteContext& context, const Call& call) {
    auto page = read_page(call);
    if (!page) return refuse(page.error());
    store::ListFilter filter;
    filter.name = call.parameter("name").value_or("");
    if constexpr (Kind::kOwned) {
      const auto tenant = read_tenant(call);
      if (!tenant) return refuse(tenant.error());
      filter.tenant = *tenant;
    }
    return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
      if (auto known = check_asked_tenant(tx, filter.tenant); !known) return refuse(known.error());
      typename Kind::Store store(tx);
      YZ_TRY(const auto found, list_some(store, *page, filter));
      nlohmann::json items = nlohmann::json::array();
      for (const Stored& row : found.items) {
        if (sees(call, row.value)) items.push_back(Kind::render(row, *context.state.current()));
      }
      return page_reply(std::move(items), found.next);
    });
  }

  static Outcome create(const RouteContext& context, const Call& call) {
    auto body = read_body(call);
    if (!body) return refuse(body.error());
    return commit(context, [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
      return once(tx, call, [&]() -> Outcome {
        if (call.principal.is_bound_to_domains()) return refuse(bound_to_domains());
        auto value = read(context, tx, call, *body, Kind::base(nullptr), nullptr);
        if (!value) return refuse(value.error());
        typename Kind::Store store(tx);
        const Result<Stored> made = store.create(call.author(owner_of(*value)), *value);
        if (!made) return refuse(explain(context, *value, made.error()));
        const Stored& row = *made;
        note(changed, row.value);
        Reply reply = answer(context, row, 201);
        reply.headers.emplace_back("Location", call.path + '/' + std::to_string(row.value.id.value));
        return reply;
      });
    });
  }

  static Outcome get(const RouteContext& context, const Call& call) {
    return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
      auto row = find(tx, call);
      if (!row) return refuse(row.error());
      if (is_not_modified(call, row->version)) {
        Reply reply;
        reply.status = 304;
        reply.headers.emplace_back("ETag", etag_of(row->version));
        return reply;
      }
      return answer(context, *row, 200);
    });
  }

  static Outcome replace(const RouteContext& context, const Call& call) {
    return update(context, call, [](const Stored&, nlohmann::json body) { return body; });
  }

  static Outcome change(const RouteContext& context, const Call& call) {
    return update(context, call, [](const Stored& row, const nlohmann::json& patch) {
      nlohmann::json whole = model::to_json(row.value);
      whole.merge_patch(patch);
      return whole;
    });
  }

  template <typename Compose>
  static Outcome update(const RouteContext& context, const Call& call, Compose compose) {
    auto body = read_body(call);
    if (!body) return refuse(body.error());
    return commit(context, [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
      auto row = find(tx, call);
      if (!row) return refuse(row.error());
      if (auto matched = check_if_match(call, row->version); !matched) return refuse(matched.error());
      auto value = read(context, tx, call, compose(*row, *body), Kind::base(&row->value), &row->value);
      if (!value) return refuse(value.error());
      typename Kind::Store store(tx);
      const Result<Stored> updated = store.update(call.author(owner_of(*value)), *value, row->version);
      if (!updated) return refuse(explain(context, *value, updated.error()));
      note(changed, updated->value);
      return answer(context, *updated, 200);
    });
  }

  static Outcome remove(const RouteContext& context, const Call& call) {
    return commit(context, [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
      auto row = find(tx, call);
      if (!row) return refuse(row.error());
      if (auto matched = check_if_match(call, row->version); !matched) return refuse(matched.error());
      typename Kind::Store store(tx);
      if (auto removed = store.remove(call.author(owner_of(row->value)), row->value.id, row->version); !removed) {
        return refuse(Problem(removed.error()));
      }
      note(changed, row->value);
      Reply reply;
      reply.status = 204;
      return reply;
    });
  }

  /// The row of the path, if the caller may see it.
  static tl::expected<Stored, Problem> find(store::Transaction& tx, const Call& call) {
    typename Kind::Store store(tx);
    auto row = store.get(Id{call.id()});
    if (!row && row.error().code != Code::kNotFound) return refuse(Problem(row.error()));
    if (!row || !sees(call, row->value)) return refuse(not_found(Kind::kNoun));
    return *std::move(row);
  }

  /// A document as a value: read-only fields dropped, the owner settled, everything checked that needs no other row.
  static Read read(const RouteContext& context, store::Transaction& tx, const Call& call, nlohmann::json document,
                   Value base, const Value* before) {
    if (const auto id = document.find("id"); before != nullptr && id != document.end() && *id != before->id.value) {
      return refuse(unprocessable("/id", "cannot be changed"));
    }
    for (const std::string_view field : Kind::read_only()) document.erase(std::string(field));
    auto value = model::from_json<Value>(document, std::move(base));
    if (!value) return refuse(unprocessable(value.error()));
    value->id = before != nullptr ? before->id : Id{};
    if (auto owned = settle_owner(tx, call, *value, before); !owned) return refuse(owned.error());
    auto snapshot = context.state.as_of(tx);
    if (!snapshot) return refuse(Problem(snapshot.error()));
    if (auto prepared = Kind::prepare(**snapshot, *value); !prepared) return refuse(prepared.error());
    if constexpr (std::constructible_from<model::Resource, Value>) {
      if (model::Problems wrong = model::validate(model::Resource(*value)); !wrong.empty()) {
        return refuse(unprocessable(std::move(wrong)));
      }
    }
    return *std::move(value);
  }

  static tl::expected<void, Problem> settle_owner(store::Transaction& tx, const Call& call, Value& value,
                                                  const Value* before) {
    if constexpr (Kind::kOwned) {
      const model::TenantId wanted = value.tenant;
      const model::TenantId present = before != nullptr               ? before->tenant
                                      : !call.principal.is_operator() ? call.principal.tenant
                                                                      : model::TenantId{};
      if (present) {
        if (wanted && wanted != present) return refuse(unprocessable("/tenant", "cannot be another tenant"));
        value.tenant = present;
      } else if (!wanted) {
        return refuse(unprocessable("/tenant", "an operator must say whose it is"));
      }
      return check_tenant(tx, value.tenant);
    } else {
      return {};
    }
  }

  /// The database says that a reference is broken; this says which.
  static Problem explain(const RouteContext& context, const Value& value, const Error& error) {
    if constexpr (std::constructible_from<model::Resource, Value>) {
      if (error.code == Code::kConflict && !store::is_version_mismatch(error)) {
        // Not as the transaction sees it: what it did before it failed is still in there.
        auto wrong = problems_of_putting(*context.state.current(), value);
        if (!wrong.empty()) return unprocessable(std::move(wrong));
      }
    }
    return Problem(error);
  }

  template <typename Body>
  static Outcome commit(const RouteContext& context, Body body) {
    return change_config(context.database, context.state, std::move(body));
  }

  static Reply answer(const RouteContext& context, const Stored& row, int status) {
    Reply reply = json_reply(Kind::render(row, *context.state.current()), status);
    reply.headers.emplace_back("ETag", etag_of(row.version));
    return reply;
  }

  static auto list_some(typename Kind::Store& store, store::Page page, const store::ListFilter& filter) {
    if constexpr (std::is_same_v<Value, model::Tenant>) {
      return store.list(page, filter.name);
    } else if constexpr (Kind::kOwned) {
      return store.list(page, filter);
    } else {
      return store.list(page, {{}, filter.name});
    }
  }

  static bool sees(const Call& call, const Value& value) {
    if constexpr (std::is_same_v<Value, model::Domain>) {
      return call.principal.may_see(value.tenant, value.id);
    } else if constexpr (Kind::kOwned) {
      return call.principal.may_see(value.tenant);
    } else {
      return call.principal.is_operator();
    }
  }

  static model::TenantId owner_of(const Value& value) {
    if constexpr (Kind::kOwned) {
      return value.tenant;
    } else {
      return {};
    }
  }

  static void note(std::vector<model::ResourceKey>& changed, const Value& value) {
    if constexpr (std::constructible_from<model::Resource, Value>) changed.push_back(model::key_of(value));
  }
};

}  // namespace yz::control
