#include "gslb/settings.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "geo/sources.h"
#include "model/json.h"
#include "model/validate.h"
#include "model/yaml.h"

namespace yz::gslb {
namespace {

using nlohmann::json;

/// Reads the fields of one object and collects what is wrong with them.
class Fields {
 public:
  Fields(const json& object, std::string at, model::Problems& problems)
      : object_(object), at_(std::move(at)), problems_(problems) {}

  void text(const char* name, std::string& into) {
    if (const json* value = find(name)) {
      value->is_string() ? void(into = value->get<std::string>()) : problem(name, "expected text");
    }
  }
  void path(const char* name, std::filesystem::path& into) {
    std::string value;
    text(name, value);
    if (!value.empty()) into = value;
  }
  void flag(const char* name, bool& into) {
    if (const json* value = find(name)) {
      value->is_boolean() ? void(into = value->get<bool>()) : problem(name, "expected true or false");
    }
  }
  template <typename T>
  void number(const char* name, T& into, std::uint64_t least, std::uint64_t most) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() < least || value->get<std::uint64_t>() > most) {
      return problem(name, fmt::format("expected a number from {} to {}", least, most));
    }
    into = static_cast<T>(value->get<std::uint64_t>());
  }
  void duration(const char* name, std::chrono::milliseconds& into, std::chrono::milliseconds least) {
    const json* value = find(name);
    if (value == nullptr) return;
    const auto parsed = value->is_string() ? parse_duration(value->get_ref<const std::string&>())
                                           : Result<std::chrono::milliseconds>(fail(Code::kInvalid, ""));
    if (!parsed || *parsed < least) {
      return problem(name, fmt::format("expected a duration of at least {} ms, such as \"300ms\"", least.count()));
    }
    into = *parsed;
  }
  void texts(const char* name, std::vector<std::string>& into) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_array()) return problem(name, "expected a list of texts");
    into.clear();
    for (const auto& item : *value) {
      if (!item.is_string()) return problem(name, "expected a list of texts");
      into.push_back(item.get<std::string>());
    }
  }
  /// One endpoint, or with `many` a list of them.
  void endpoints(const char* name, std::vector<Endpoint>& into) {
    std::vector<std::string> list;
    const json* value = find(name);
    if (value == nullptr) return;
    if (value->is_string()) {
      list = {value->get<std::string>()};
    } else {
      texts(name, list);
    }
    into.clear();
    for (const auto& one : list) {
      const auto endpoint = Endpoint::parse(one);
      if (!endpoint) return problem(name, endpoint.error().message);
      into.push_back(*endpoint);
    }
    if (into.empty()) problem(name, "expected at least one ADDRESS:PORT");
  }
  const json* object(const char* name) {
    const json* value = find(name);
    if (value == nullptr || value->is_object()) return value;
    problem(name, "expected an object");
    return nullptr;
  }
  void problem(std::string_view name, std::string message) {
    problems_.push_back({fmt::format("{}/{}", at_, name), std::move(message)});
  }
  void report_unknown() {
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) problem(name, "unknown field");
    }
  }

 private:
  const json* find(const char* name) {
    known_.insert(name);
    const auto it = object_.find(name);
    return it == object_.end() ? nullptr : &*it;
  }
  const json& object_;
  std::string at_;
  model::Problems& problems_;
  std::set<std::string, std::less<>> known_;
};

/// Of a whole configuration's problems those that concern a scheduler: it uses no origins, keys or certificates.
bool concerns_scheduling(const model::Problem& problem) {
  const auto& at = problem.pointer;
  return !at.starts_with("/origin_groups") && !at.starts_with("/certificates") && at != "/settings/cluster_key" &&
         !at.ends_with("/origin_group") && !at.ends_with("/certificate") && !at.ends_with("/tenant");
}

void read_config(const json& document, GslbSettings& settings, model::Problems& problems) {
  const auto add = [&](const model::Problems& found) {
    for (const auto& problem : found) {
      if (concerns_scheduling(problem)) problems.push_back({"/config" + problem.pointer, problem.message});
    }
  };
  auto config = model::from_json<model::ConfigSnapshot>(document);
  if (!config) return add(config.error());
  add(model::by_position(model::validate(*config), document));
  settings.config = std::make_shared<const model::ConfigSnapshot>(*std::move(config));
}

void read_probe(const json& object, GslbSettings& settings, model::Problems& problems) {
  using std::chrono::milliseconds;
  Fields fields(object, "/probe", problems);
  fields.flag("enabled", settings.probing);
  fields.duration("interval", settings.probe.interval, milliseconds(20));
  fields.duration("timeout", settings.probe.timeout, milliseconds(20));
  fields.duration("confirm", settings.probe.confirm, milliseconds(10));
  fields.text("path", settings.probe.path);
  fields.number("fall", settings.health.fall, 1, 100);
  fields.number("rise", settings.health.rise, 1, 100);
  fields.duration("ramp", settings.health.ramp, milliseconds(0));
  fields.report_unknown();
  if (!settings.probe.path.starts_with('/')) fields.problem("path", "expected a path that starts with '/'");
}

}  // namespace

Result<GslbSettings> parse_settings(std::string_view text, std::string_view file_name) {
  YZ_TRY(const auto document, model::YamlDocument::parse(text, file_name));
  GslbSettings out;
  model::Problems problems;
  if (!document.json().is_object()) return fail(document.to_error({{"", "expected settings, a field a line"}}));
  Fields fields(document.json(), "", problems);
  fields.endpoints("listen", out.listen);
  std::vector<Endpoint> http;
  fields.endpoints("http", http);
  if (!http.empty()) out.http = http.front();
  fields.number("workers", out.workers, 1, 64);
  fields.text("nsid", out.nsid);
  fields.path("geo", out.geo);
  std::vector<std::string> overrides;
  fields.texts("geo_overrides", overrides);
  for (const auto& line : overrides) out.geo_overrides += line + "\n";
  fields.path("state", out.state);
  fields.texts("control", out.control);
  fields.text("join_token", out.join_token);
  fields.text("name", out.name);
  fields.text("log_level", out.log_level);
  if (const json* probe = fields.object("probe")) read_probe(*probe, out, problems);
  if (const json* config = fields.object("config")) read_config(*config, out, problems);
  fields.report_unknown();

  if (out.nsid.size() > 64) fields.problem("nsid", "expected at most 64 bytes");
  if (!log::parse_level(out.log_level)) fields.problem("log_level", "expected debug, info, warn or error");
  if (const auto layer = geo::read_overrides(out.geo_overrides); !layer) {
    fields.problem("geo_overrides", layer.error().message);
  }
  if (!out.control.empty() && out.state.empty()) fields.problem("state", "a scheduler under control needs a folder");
  if (out.control.empty() && out.config == nullptr && problems.empty()) {
    fields.problem("config", "without `control` the configuration must be here");
  }
  if (!problems.empty()) return fail(document.to_error(problems));
  return out;
}

}  // namespace yz::gslb
