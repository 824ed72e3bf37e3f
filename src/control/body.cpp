#include "control/body.h"

#include <algorithm>

#include "base/clock.h"

namespace yz::control {
namespace {

std::string pointer_to(std::string_view name) { return '/' + std::string(name); }

std::string one_of(std::initializer_list<std::string_view> choices) {
  std::string out;
  for (std::string_view choice : choices) out.append(out.empty() ? "" : ", ").append(choice);
  return "expected one of " + out;
}

}  // namespace

BodyReader::BodyReader(const nlohmann::json& body, std::initializer_list<std::string_view> known) : body_(body) {
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(known, name) == known.end()) wrong(pointer_to(name), "there is no such field");
  }
}

const nlohmann::json* BodyReader::find(std::string_view name, bool required) {
  const auto it = body_.find(std::string(name));
  if (it != body_.end() && !it->is_null()) return &*it;
  if (required) wrong(pointer_to(name), "is needed");
  return nullptr;
}

std::optional<std::string> BodyReader::text(std::string_view name, bool required) {
  const nlohmann::json* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  wrong(pointer_to(name), "expected a string");
  return std::nullopt;
}

std::optional<std::uint64_t> BodyReader::number(std::string_view name, bool required) {
  const nlohmann::json* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  wrong(pointer_to(name), "expected a whole number of at least 0");
  return std::nullopt;
}

std::optional<bool> BodyReader::boolean(std::string_view name, bool required) {
  const nlohmann::json* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  wrong(pointer_to(name), "expected true or false");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> BodyReader::duration(std::string_view name,
                                                              std::chrono::milliseconds longest) {
  const nlohmann::json* value = find(name, false);
  if (value == nullptr) return std::nullopt;
  std::chrono::milliseconds out{-1};
  if (value->is_number_unsigned() && value->get<std::uint64_t>() <= UINT32_MAX) {
    out = std::chrono::seconds(value->get<std::uint32_t>());
  } else if (value->is_string()) {
    if (auto parsed = parse_duration(value->get_ref<const std::string&>())) out = *parsed;
  }
  if (out.count() > 0 && out <= longest) return out;
  wrong(pointer_to(name), "expected a duration such as \"1h\", at most " +
                              std::to_string(std::chrono::duration_cast<std::chrono::hours>(longest).count()) + "h");
  return std::nullopt;
}

std::optional<std::string> BodyReader::choice(std::string_view name, std::initializer_list<std::string_view> choices,
                                              bool required) {
  std::optional<std::string> value = text(name, required);
  if (value && std::ranges::find(choices, *value) == choices.end()) {
    wrong(pointer_to(name), one_of(choices));
    return std::nullopt;
  }
  return value;
}

std::vector<std::string> BodyReader::texts(std::string_view name, std::size_t limit) {
  const nlohmann::json* value = find(name, false);
  if (value == nullptr) return {};
  if (!value->is_array()) {
    wrong(pointer_to(name), "expected a list of strings");
    return {};
  }
  if (value->size() > limit) {
    wrong(pointer_to(name), "expected at most " + std::to_string(limit));
    return {};
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const nlohmann::json& item = (*value)[i];
    if (item.is_string() && !item.get_ref<const std::string&>().empty()) {
      out.push_back(item.get<std::string>());
    } else {
      wrong(pointer_to(name) + '/' + std::to_string(i), "expected a string that is not empty");
    }
  }
  return out;
}

}  // namespace yz::control
