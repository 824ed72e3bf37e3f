#include "media/hls.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "base/text.h"
#include "media/link_list.h"

namespace yz::media {
namespace {

constexpr std::array<std::string_view, 6> kTagsWithUri = {
    "#EXT-X-MAP:",          "#EXT-X-KEY:",   "#EXT-X-SESSION-KEY:", "#EXT-X-I-FRAME-STREAM-INF:",
    "#EXT-X-SESSION-DATA:", "#EXT-X-MEDIA:",
};
constexpr std::string_view kDefine = "#EXT-X-DEFINE:";
constexpr std::size_t kMostVariables = 100;
constexpr std::size_t kLongest = 8'000;  // of a reference with its variables

using Variables = std::map<std::string, std::string, std::less<>>;

/// A quoted value of an attribute list (§4.2), without its quotes; none when it is not there.
std::optional<std::string_view> quoted_attribute(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t equals = list.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view found = trim(list.substr(0, equals));
    list.remove_prefix(equals + 1);
    const bool is_quoted = list.starts_with('"');
    const std::size_t end = is_quoted ? list.find('"', 1) : list.find(',');
    if (is_quoted && end == std::string_view::npos) return std::nullopt;
    if (is_quoted && found == name) return list.substr(1, end - 1);
    const std::size_t comma = is_quoted ? list.find(',', end) : end;
    if (comma == std::string_view::npos) return std::nullopt;
    list.remove_prefix(comma + 1);
  }
  return std::nullopt;
}

/// "{$name}" replaced by its value; none when there is no such variable, or the result is longer than any URL.
std::optional<std::string> substitute(std::string_view text, const Variables& variables) {
  std::string out;
  for (;;) {
    const std::size_t start = text.find("{$");
    out.append(text.substr(0, start));
    if (out.size() > kLongest) return std::nullopt;
    if (start == std::string_view::npos) return out;
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos) return std::nullopt;
    const auto variable = variables.find(text.substr(start + 2, end - start - 2));
    if (variable == variables.end()) return std::nullopt;
    out.append(variable->second);
    text.remove_prefix(end + 1);
  }
}

void define(std::string_view attributes, Variables& variables) {
  const auto name = quoted_attribute(attributes, "NAME");
  const auto value = quoted_attribute(attributes, "VALUE");
  if (name && value && variables.size() < kMostVariables) variables.emplace(*name, *value);
}

/// The reference a line holds; none when it has none.
std::optional<std::string_view> reference_of(std::string_view line) {
  if (!line.starts_with('#')) return line;
  const auto* tag = std::ranges::find_if(kTagsWithUri, [&](std::string_view one) { return line.starts_with(one); });
  return tag == kTagsWithUri.end() ? std::nullopt : quoted_attribute(line.substr(tag->size()), "URI");
}

}  // namespace

Result<ManifestLinks> read_playlist(std::string_view text, std::string_view url, std::size_t most) {
  constexpr std::string_view kFirstLine = "#EXTM3U";
  const std::size_t first = std::min(text.find('\n'), text.size());
  if (trim(text.substr(0, first)) != kFirstLine) {
    return fail(Code::kCorrupt, "not a playlist: its first line is not #EXTM3U", Fault::kOrigin);
  }
  LinkList links(most);
  Variables variables;
  for (text.remove_prefix(first); !text.empty() && !links.is_full();) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    if (line.starts_with(kDefine)) define(line.substr(kDefine.size()), variables);
    const auto reference = reference_of(line);
    if (!reference) continue;
    if (const auto whole = substitute(*reference, variables)) links.add(url, *whole);
  }
  return links.take();
}

}  // namespace yz::media
