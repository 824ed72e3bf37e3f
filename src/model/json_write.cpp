#include <chrono>
#include <string>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "model/enum_names.h"
#include "model/fields.h"
#include "model/json.h"

namespace yz::model {
namespace {

using nlohmann::json;

json write(bool v) { return v; }
json write(const std::string& v) { return v; }
json write(const WallTime& v) { return format_rfc3339(v); }
json write(const IpAddress& v) { return to_string(v); }
json write(const IpPrefix& v) { return to_string(v); }
json write(std::chrono::seconds v) { return v.count(); }
json write(std::chrono::milliseconds v) { return fmt::format("{}ms", v.count()); }
template <typename Tag, typename Rep>
json write(const StrongId<Tag, Rep>& id) {
  return id.value;
}
template <typename T>
  requires std::is_arithmetic_v<T>
json write(T v) {
  return v;
}
template <typename T>
  requires std::is_enum_v<T>
json write(T v) {
  return name_of(v);
}
template <typename T>
json write(const std::vector<T>& list);
template <typename T>
  requires std::is_class_v<T>
json write(const T& value);

class Writer {
 public:
  template <typename T>
  void operator()(const char* name, const T& value) {
    out[name] = write(value);
  }
  template <typename T>
  void secret(const char*, const T&) {}
  [[nodiscard]] static constexpr bool has(int /*version*/) { return true; }

  json out = json::object();
};

template <typename T>
json write(const std::vector<T>& list) {
  json out = json::array();
  for (const T& one : list) out.push_back(write(one));
  return out;
}

template <typename T>
  requires std::is_class_v<T>
json write(const T& value) {
  Writer writer;
  visit_fields(writer, value);
  return std::move(writer.out);
}

/// A time that is not set (the epoch) is left out.
template <typename T>
void drop_unset_time(json& out, const char* name, const T& time) {
  if (time == T{}) out.erase(name);
}

template <typename Map>
json write_map(const Map& map) {
  json out = json::array();
  for (const auto& [id, entry] : map) out.push_back(write(*entry.value));
  return out;
}

}  // namespace

template <typename T>
json to_json(const T& value) {
  return write(value);
}

template <>
json to_json(const Task& task) {
  json out = write(task);
  drop_unset_time(out, "finished", task.finished);
  for (std::size_t i = 0; i < task.nodes.size(); ++i)
    drop_unset_time(out["nodes"][i], "updated", task.nodes[i].updated);
  return out;
}

template <>
json to_json(const NodeState& state) {
  json out = write(state);
  drop_unset_time(out, "last_heartbeat", state.last_heartbeat);
  return out;
}

template <>
json to_json(const ConfigSnapshot& s) {
  return json{{"seq", s.seq.value},
              {"settings", write(s.settings)},
              {"origin_groups", write_map(s.origin_groups)},
              {"domains", write_map(s.domains)},
              {"node_groups", write_map(s.node_groups)},
              {"nodes", write_map(s.nodes)},
              {"policies", write_map(s.policies)},
              {"certificates", write_map(s.certificates)},
              {"challenges", write_map(s.challenges)},
              {"suspensions", write_map(s.suspensions)}};
}

template json to_json(const Tenant&);
template json to_json(const Place&);
template json to_json(const Origin&);
template json to_json(const OriginGroup&);
template json to_json(const CacheRule&);
template json to_json(const KeyRule&);
template json to_json(const HttpsRule&);
template json to_json(const Domain&);
template json to_json(const NodeGroup&);
template json to_json(const Node&);
template json to_json(const PolicyRule&);
template json to_json(const Policy&);
template json to_json(const Certificate&);
template json to_json(const Challenge&);
template json to_json(const Suspension&);
template json to_json(const Settings&);
template json to_json(const TaskTarget&);
template json to_json(const NodeProgress&);
template json to_json(const PurgeRecord&);
template json to_json(const UsageKey&);
template json to_json(const UsageCounts&);
template json to_json(const UsageRecord&);
template json to_json(const UsageBatch&);
template json to_json(const Load&);
template json to_json(const Heartbeat&);
template json to_json(const HealthVerdict&);

json to_json_resource(const Resource& resource) {
  return std::visit([](const auto& value) { return write(value); }, resource);
}

}  // namespace yz::model
