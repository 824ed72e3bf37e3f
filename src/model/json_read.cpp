#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "model/enum_names.h"
#include "model/fields.h"
#include "model/json.h"

namespace yz::model {
namespace {

using nlohmann::json;

std::string found(const json& j) {
  if (j.is_string()) return fmt::format("found \"{}\"", j.get_ref<const std::string&>().substr(0, 60));
  if (j.is_number() || j.is_boolean()) return fmt::format("found {}", j.dump());
  return fmt::format("found {}", j.is_null() ? "null" : j.is_array() ? "a list" : "an object");
}

/// One reference token of a JSON pointer (RFC 6901 §3).
std::string token(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

/// Reads one object's fields onto a struct and remembers which names it knows.
class Reader {
 public:
  Reader(const json& object, std::string pointer, Problems& problems)
      : object_(object), pointer_(std::move(pointer)), problems_(problems) {}

  template <typename T>
  void operator()(const char* name, T& value) {
    known_.insert(name);
    const auto it = object_.find(name);
    if (it != object_.end()) read(*it, pointer_ + token(name), value);
  }
  template <typename T>
  void secret(const char* name, T& value) {
    (*this)(name, value);
  }
  [[nodiscard]] static constexpr bool has(int /*version*/) { return true; }
  void know(const char* name) { known_.insert(name); }

  void report_unknown() {
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name))
        problem(pointer_ + token(name), fmt::format("unknown field; known: {}", list_known()));
    }
  }

  template <typename T>
  void read(const json& j, const std::string& at, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      if (!j.is_boolean()) return expected(at, "true or false", j);
      value = j.get<bool>();
    } else if constexpr (std::is_enum_v<T>) {
      read_enum(j, at, value);
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!j.is_number()) return expected(at, "a number", j);
      value = j.get<double>();
    } else if constexpr (std::is_integral_v<T>) {
      read_integer(j, at, value);
    } else {
      read_object(j, at, value);
    }
  }
  template <typename Tag, typename Rep>
  void read(const json& j, const std::string& at, StrongId<Tag, Rep>& id) {
    read_integer(j, at, id.value);
  }
  void read(const json& j, const std::string& at, std::string& value) {
    if (!j.is_string()) return expected(at, "a text", j);
    value = j.get<std::string>();
  }
  template <typename Rep, typename Period>
  void read(const json& j, const std::string& at, std::chrono::duration<Rep, Period>& value) {
    using Duration = std::chrono::duration<Rep, Period>;
    constexpr std::int64_t kMaxSeconds = 100LL * 365 * 86400;
    if (j.is_number_integer() && j >= 0 && j <= kMaxSeconds) {
      value = std::chrono::seconds(j.get<std::int64_t>());
      return;
    }
    if (j.is_string()) {
      const auto parsed = parse_duration(j.get_ref<const std::string&>());
      if (parsed && *parsed == std::chrono::duration_cast<Duration>(*parsed)) {
        value = std::chrono::duration_cast<Duration>(*parsed);
        return;
      }
    }
    const bool whole = std::is_same_v<Duration, std::chrono::seconds>;
    expected(at,
             whole ? "a whole number of seconds or a text like \"30s\", \"5m\", \"7d\""
                   : "a number of seconds or a text like \"250ms\", \"30s\"",
             j);
  }
  void read(const json& j, const std::string& at, WallTime& value) {
    read_text(j, at, value, parse_rfc3339, "a time like \"2026-11-21T03:04:05Z\"");
  }
  void read(const json& j, const std::string& at, IpAddress& value) {
    read_text(j, at, value, IpAddress::parse, "an IPv4 or IPv6 address");
  }
  void read(const json& j, const std::string& at, IpPrefix& value) {
    read_text(j, at, value, IpPrefix::parse, "an address block like \"10.0.0.0/8\"");
  }
  template <typename T>
  void read(const json& j, const std::string& at, std::vector<T>& list) {
    if (!j.is_array()) return expected(at, "a list", j);
    std::vector<T> fresh;
    for (std::size_t i = 0; i < j.size(); ++i) read(j[i], fmt::format("{}/{}", at, i), fresh.emplace_back());
    list = std::move(fresh);
  }

 private:
  template <typename T>
  void read_object(const json& j, const std::string& at, T& value) {
    if (!j.is_object()) return expected(at, "an object", j);
    Reader inner(j, at, problems_);
    visit_fields(inner, value);
    inner.report_unknown();
  }
  template <typename T>
  void read_enum(const json& j, const std::string& at, T& value) {
    const auto v = j.is_string() ? from_name<T>(j.get_ref<const std::string&>()) : std::nullopt;
    if (!v) return expected(at, fmt::format("one of {}", fmt::join(names_of<T>(), ", ")), j);
    value = *v;
  }
  template <typename T>
  void read_integer(const json& j, const std::string& at, T& value) {
    constexpr auto kMin = std::numeric_limits<T>::min();
    constexpr auto kMax = std::numeric_limits<T>::max();
    const bool fits =
        j.is_number_integer() && (j.is_number_unsigned() || std::is_signed_v<T> || j >= 0) && j >= kMin && j <= kMax;
    if (!fits) return expected(at, fmt::format("a whole number from {} to {}", +kMin, +kMax), j);
    value = j.get<T>();
  }
  template <typename T, typename Parse>
  void read_text(const json& j, const std::string& at, T& value, Parse parse, std::string_view what) {
    if (j.is_string()) {
      if (auto parsed = parse(j.get_ref<const std::string&>())) {
        value = *parsed;
        return;
      }
    }
    expected(at, what, j);
  }

  void expected(const std::string& at, std::string_view what, const json& j) {
    problem(at, fmt::format("expected {}, {}", what, found(j)));
  }
  void problem(std::string at, std::string message) { problems_.push_back({std::move(at), std::move(message)}); }
  [[nodiscard]] std::string list_known() const { return fmt::format("{}", fmt::join(known_, ", ")); }

  const json& object_;
  std::string pointer_;
  Problems& problems_;
  std::set<std::string, std::less<>> known_;
};

/// Resources of one kind: a list; one without an id gets its place in the list, from 1.
template <typename Id, typename T>
void read_map(Reader& reader, const json& document, const char* name, ResourceMap<Id, T>& map, ConfigSeq seq) {
  std::vector<T> list;
  reader(name, list);
  if (!document.contains(name)) return;
  std::uint64_t place = 0;
  for (T& value : list) {
    ++place;
    if (!value.id) value.id.value = place;
    map.put(std::move(value), seq);
  }
}

}  // namespace

template <typename T>
ReadResult<T> from_json(const json& document, T base) {
  Problems problems;
  const json holder = json::object();
  Reader reader(holder, "", problems);
  reader.read(document, "", base);
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return base;
}

template <>
ReadResult<ConfigSnapshot> from_json(const json& document, ConfigSnapshot base) {
  Problems problems;
  if (!document.is_object()) {
    return tl::unexpected(Problems{{"", fmt::format("expected an object, {}", found(document))}});
  }
  Reader reader(document, "", problems);
  if (!base.seq) base.seq = ConfigSeq{1};
  reader("seq", base.seq);
  reader("settings", base.settings);
  if (document.contains("settings")) base.settings_seq = base.seq;
  read_map(reader, document, "origin_groups", base.origin_groups, base.seq);
  read_map(reader, document, "domains", base.domains, base.seq);
  read_map(reader, document, "node_groups", base.node_groups, base.seq);
  read_map(reader, document, "nodes", base.nodes, base.seq);
  read_map(reader, document, "policies", base.policies, base.seq);
  read_map(reader, document, "certificates", base.certificates, base.seq);
  read_map(reader, document, "challenges", base.challenges, base.seq);
  read_map(reader, document, "suspensions", base.suspensions, base.seq);
  reader.report_unknown();
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return base;
}

template ReadResult<Tenant> from_json(const json&, Tenant);
template ReadResult<Place> from_json(const json&, Place);
template ReadResult<Origin> from_json(const json&, Origin);
template ReadResult<OriginGroup> from_json(const json&, OriginGroup);
template ReadResult<CacheRule> from_json(const json&, CacheRule);
template ReadResult<KeyRule> from_json(const json&, KeyRule);
template ReadResult<HttpsRule> from_json(const json&, HttpsRule);
template ReadResult<Domain> from_json(const json&, Domain);
template ReadResult<NodeGroup> from_json(const json&, NodeGroup);
template ReadResult<Node> from_json(const json&, Node);
template ReadResult<PolicyRule> from_json(const json&, PolicyRule);
template ReadResult<Policy> from_json(const json&, Policy);
template ReadResult<Certificate> from_json(const json&, Certificate);
template ReadResult<Challenge> from_json(const json&, Challenge);
template ReadResult<Suspension> from_json(const json&, Suspension);
template ReadResult<Settings> from_json(const json&, Settings);
template ReadResult<Task> from_json(const json&, Task);
template ReadResult<TaskTarget> from_json(const json&, TaskTarget);
template ReadResult<NodeProgress> from_json(const json&, NodeProgress);
template ReadResult<PurgeRecord> from_json(const json&, PurgeRecord);
template ReadResult<UsageKey> from_json(const json&, UsageKey);
template ReadResult<UsageCounts> from_json(const json&, UsageCounts);
template ReadResult<UsageRecord> from_json(const json&, UsageRecord);
template ReadResult<UsageBatch> from_json(const json&, UsageBatch);
template ReadResult<Load> from_json(const json&, Load);
template ReadResult<Heartbeat> from_json(const json&, Heartbeat);
template ReadResult<NodeState> from_json(const json&, NodeState);
template ReadResult<HealthVerdict> from_json(const json&, HealthVerdict);

namespace {

tl::unexpected<Error> not_json(std::string_view text, std::size_t at, std::string_view what) {
  const std::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return fail(Code::kInvalid, fmt::format("{}:{}: not JSON: {}", line, before.size() - start + 1, what),
              Fault::kClient);
}

/// Where the text goes deeper than kDeepestJson, or npos. Of text that is no JSON it may say anything.
std::size_t find_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted) {
      if (c == '\\') ++i;
      is_quoted = c != '"';
    } else if (c == '"') {
      is_quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepestJson) return i;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Result<json> parse_json(std::string_view text) {
  if (const std::size_t at = find_too_deep(text); at != std::string_view::npos) {
    return not_json(text, at, fmt::format("more than {} lists and objects in each other", kDeepestJson));
  }
  try {
    return json::parse(text);
  } catch (const json::parse_error& e) {
    std::string_view what = e.what();
    if (const auto colon = what.rfind(": "); colon != std::string_view::npos) what.remove_prefix(colon + 2);
    return not_json(text, std::min<std::size_t>(e.byte == 0 ? 0 : e.byte - 1, text.size()), what);
  } catch (const std::exception& e) {
    return fail(Code::kInvalid, fmt::format("not JSON: {}", e.what()), Fault::kClient);
  }
}

Problems by_position(Problems problems, const json& document) {
  for (Problem& p : problems) {
    const auto parts = split(p.pointer, '/');
    if (parts.size() < 3 || !document.is_object() || !document.contains(std::string(parts[1]))) continue;
    const json& list = document[std::string(parts[1])];
    const auto id = parse_u64(parts[2]);
    if (!list.is_array() || !id) continue;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool named = list[i].is_object() && list[i].contains("id");
      if (named ? list[i]["id"] == *id : *id == i + 1) {
        std::string rest;
        for (std::size_t k = 3; k < parts.size(); ++k) rest += fmt::format("/{}", parts[k]);
        p.pointer = fmt::format("/{}/{}{}", parts[1], i, rest);
        break;
      }
    }
  }
  return problems;
}

}  // namespace yz::model
