#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/domain_store.h"

namespace yz::control {
namespace {

constexpr std::string_view kDefaultPolicy = "default";

struct DomainKind {
  using Value = model::Domain;
  using Store = store::DomainStore;
  static constexpr std::string_view kPath = "domains";
  static constexpr std::string_view kNoun = "domain";
  static constexpr Permission kRead = "domain:read";
  static constexpr Permission kWrite = "domain:write";
  static constexpr bool kOwned = true;

  static std::vector<std::string_view> read_only() { return {"id", "version", "cname"}; }
  static Value base(const Value* /*before*/) { return {}; }

  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& config, Value& domain) {
    if (auto name = model::canonical_host(domain.name)) domain.name = *std::move(name);
    for (std::string& alias : domain.aliases) {
      if (auto name = model::canonical_host(alias)) alias = *std::move(name);
    }
    if (!domain.policy) {
      for (const auto& [id, entry] : config.policies) {
        if (entry.value->name == kDefaultPolicy) domain.policy = id;
      }
      if (!domain.policy) return refuse(unprocessable("/policy", "expected a policy: there is none named \"default\""));
    }
    // Another tenant's rows do not exist for this one, whoever asks.
    const model::OriginGroup* origins = config.origin_groups.find(domain.origin_group);
    if (origins == nullptr || origins->tenant != domain.tenant) {
      return refuse(unprocessable("/origin_group", "the tenant has no such origin group"));
    }
    if (domain.certificate) {
      const model::Certificate* certificate = config.certificates.find(domain.certificate);
      if (certificate == nullptr || certificate->tenant != domain.tenant) {
        return refuse(unprocessable("/certificate", "the tenant has no such certificate"));
      }
    }
    return {};
  }

  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& config) {
    nlohmann::json out = model::to_json(row.value);
    out["version"] = row.version;
    out["cname"] = model::cname_target(row.value, config.settings.cdn_zone);
    return out;
  }
};

}  // namespace

Routes domain_routes(const RouteContext& context) { return ResourceRoutes<DomainKind>::make(context); }

}  // namespace yz::control
