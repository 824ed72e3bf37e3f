#include "agent/settings.h"

#include <functional>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "model/yaml.h"

namespace yz::agent {
namespace {

using model::Problems;
using nlohmann::json;

/// Takes a value, or says what it expected.
using Setter = std::function<std::string(const json&)>;
using Setters = std::map<std::string, Setter, std::less<>>;

void read_object(const json& object, const std::string& pointer, const Setters& setters, Problems& problems) {
  if (!object.is_object()) {
    problems.push_back({pointer, "expected a mapping"});
    return;
  }
  for (const auto& [key, value] : object.items()) {
    const auto setter = setters.find(key);
    const std::string complaint = setter == setters.end() ? "unknown setting" : setter->second(value);
    if (!complaint.empty()) problems.push_back({pointer + "/" + key, complaint});
  }
}

Setter text_into(std::string& out) {
  return [&out](const json& value) -> std::string {
    if (!value.is_string()) return "expected text";
    out = value.get<std::string>();
    return {};
  };
}

Setter path_into(std::filesystem::path& out) {
  return [&out](const json& value) -> std::string {
    if (!value.is_string()) return "expected a path";
    out = value.get<std::string>();
    return {};
  };
}

Setter duration_into(std::chrono::milliseconds& out) {
  return [&out](const json& value) -> std::string {
    const auto time = value.is_string() ? parse_duration(value.get<std::string>())
                                        : Result<std::chrono::milliseconds>(fail(Code::kInvalid, ""));
    if (!time || time->count() <= 0) return "expected a time such as 200ms, 30s or 5m";
    out = *time;
    return {};
  };
}

Setter bytes_into(ByteCount& out) {
  return [&out](const json& value) -> std::string {
    const auto size =
        value.is_string() ? parse_byte_count(value.get<std::string>()) : Result<ByteCount>(fail(Code::kInvalid, ""));
    if (!size || size->value == 0) return "expected a size such as 512MiB";
    out = *size;
    return {};
  };
}

Setter texts_into(std::vector<std::string>& out) {
  return [&out](const json& value) -> std::string {
    std::vector<std::string> texts;
    for (const json& item : value.is_array() ? value : json::array({value})) {
      if (!item.is_string()) return "expected text or a list of texts";
      texts.push_back(item.get<std::string>());
    }
    out = std::move(texts);
    return {};
  };
}

Setter edge_into(EdgeSettings& edge, Problems& problems) {
  return [&edge, &problems](const json& value) -> std::string {
    const Setters setters{{"binary", path_into(edge.binary)},
                          {"settings", [&edge](const json& settings) -> std::string {
                             if (!settings.is_object()) return "expected a mapping of yz-edge's settings";
                             edge.settings_json = settings.dump();
                             return {};
                           }}};
    read_object(value, "/edge", setters, problems);
    return {};
  };
}

Setter log_into(log::Options& options, Problems& problems) {
  return [&options, &problems](const json& value) -> std::string {
    const Setters setters{{"level",
                           [&options](const json& level) -> std::string {
                             const auto parsed = log::parse_level(level.is_string() ? level.get<std::string>() : "");
                             if (!parsed) return "expected debug, info, warn or error";
                             options.level = *parsed;
                             return {};
                           }},
                          {"json",
                           [&options](const json& flag) -> std::string {
                             if (!flag.is_boolean()) return "expected true or false";
                             options.json = flag.get<bool>();
                             return {};
                           }},
                          {"file", text_into(options.file)}};
    read_object(value, "/log", setters, problems);
    return {};
  };
}

}  // namespace

Result<Settings> read_settings(std::string_view yaml, std::string_view file_name, Settings base) {
  YZ_TRY(const model::YamlDocument document, model::YamlDocument::parse(yaml, file_name));
  Problems problems;
  const Setters setters{{"control", texts_into(base.controls)},
                        {"join_token", text_into(base.join_token)},
                        {"name", text_into(base.name)},
                        {"state", path_into(base.state)},
                        {"edge", edge_into(base.edge, problems)},
                        {"log", log_into(base.log, problems)},
                        {"heartbeat", duration_into(base.heartbeat)},
                        {"autonomy_after", duration_into(base.autonomy_after)},
                        {"access_log_every", duration_into(base.access_log_every)},
                        {"access_log_outbox", bytes_into(base.access_log_outbox)},
                        {"stop_grace", duration_into(base.stop_grace)}};
  read_object(document.json(), "", setters, problems);
  if (!problems.empty()) return fail(document.to_error(problems));
  return base;
}

Status check(const Settings& settings) {
  if (settings.controls.empty()) {
    return fail(Code::kInvalid, "no control given: --control HOST:PORT, or 'control:' in the settings file");
  }
  if (settings.state.empty()) {
    return fail(Code::kInvalid, "no state folder given: --state DIR, or 'state:' in the settings file");
  }
  return {};
}

}  // namespace yz::agent
