#include "model/yaml.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "base/text.h"

namespace yz::model {
namespace {

using nlohmann::json;
constexpr std::size_t kMaxValues = 1'000'000;
constexpr int kMaxDepth = 64;

std::string pointer_token(std::string_view name) {
  std::string out = "/";
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

/// A plain scalar by the YAML 1.2 core schema: null, bool, integer, number, otherwise text. Quoted ones are texts.
json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true") return true;
  if (text == "false") return false;
  const bool negative = text.starts_with('-');
  if (const auto number = parse_u64(std::string_view(text).substr(negative ? 1 : 0))) {
    if (!negative) return *number;
    if (*number <= INT64_MAX) return -static_cast<std::int64_t>(*number);
  }
  if (text.find_first_not_of("0123456789.-+eE") == std::string::npos &&
      text.find_first_of("0123456789") != std::string::npos) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (end == text.c_str() + text.size()) return number;
  }
  return text;
}

/// Walks a parsed document; holds the first problem with its line.
class Walk {
 public:
  explicit Walk(std::map<std::string, int, std::less<>>& lines) : lines_(lines) {}

  json convert(const YAML::Node& node, const std::string& at, int depth) {
    lines_.emplace(at, line_of(node));
    if (++values_ > kMaxValues || depth > kMaxDepth) {
      return complain(node, "the document is too large or nested too deeply");
    }
    if (node.IsMap()) return convert_map(node, at, depth);
    if (node.IsSequence()) {
      json out = json::array();
      for (std::size_t i = 0; i < node.size() && ok(); ++i) {
        out.push_back(convert(node[i], fmt::format("{}/{}", at, i), depth + 1));
      }
      return out;
    }
    return node.IsScalar() ? scalar(node) : json(nullptr);
  }

  [[nodiscard]] bool ok() const { return problem_.empty(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] int problem_line() const { return problem_line_; }

 private:
  json convert_map(const YAML::Node& node, const std::string& at, int depth) {
    json out = json::object();
    for (const auto& pair : node) {
      if (!ok()) break;
      if (!pair.first.IsScalar()) return complain(pair.first, "a field's name must be a plain text");
      const std::string& name = pair.first.Scalar();
      if (out.contains(name)) return complain(pair.first, fmt::format("field '{}' is given twice", name));
      const std::string inner = at + pointer_token(name);
      out[name] = convert(pair.second, inner, depth + 1);
      lines_[inner] = line_of(pair.first);
    }
    return out;
  }
  json complain(const YAML::Node& node, std::string what) {
    if (ok()) problem_ = std::move(what), problem_line_ = line_of(node);
    return nullptr;
  }
  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

  std::map<std::string, int, std::less<>>& lines_;
  std::size_t values_ = 0;
  std::string problem_;
  int problem_line_ = 0;
};

}  // namespace

YamlDocument::YamlDocument() : json_(std::make_unique<nlohmann::json>()) {}
YamlDocument::YamlDocument(YamlDocument&&) noexcept = default;
YamlDocument& YamlDocument::operator=(YamlDocument&&) noexcept = default;
YamlDocument::~YamlDocument() = default;

Result<YamlDocument> YamlDocument::parse(std::string_view text, std::string_view file_name) {
  YamlDocument out;
  out.file_name_ = file_name;
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    Walk walk(out.lines_);
    *out.json_ = walk.convert(root, "", 0);
    if (!walk.ok()) {
      return fail(Code::kInvalid, fmt::format("{}:{}: {}", file_name, walk.problem_line(), walk.problem()));
    }
  } catch (const YAML::Exception& e) {
    return fail(Code::kInvalid, fmt::format("{}:{}: {}", file_name, e.mark.line + 1, e.msg));
  } catch (const std::exception& e) {
    return fail(Code::kInvalid, fmt::format("{}: {}", file_name, e.what()));
  }
  return out;
}

std::string YamlDocument::where(std::string_view pointer) const {
  while (true) {
    if (const auto it = lines_.find(pointer); it != lines_.end()) return fmt::format("{}:{}", file_name_, it->second);
    if (pointer.empty()) return fmt::format("{}:1", file_name_);
    pointer = pointer.substr(0, pointer.rfind('/') == std::string_view::npos ? 0 : pointer.rfind('/'));
  }
}

Error YamlDocument::to_error(const Problems& problems) const {
  std::string text;
  for (const Problem& p : problems) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{}: {}{}{}", where(p.pointer), p.pointer, p.pointer.empty() ? "" : ": ", p.message);
  }
  return Error{Code::kInvalid, Fault::kClient, false, std::move(text)};
}

}  // namespace yz::model
