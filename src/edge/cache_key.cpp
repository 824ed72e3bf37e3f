#include "edge/cache_key.h"

#include <algorithm>

#include "base/text.h"

namespace yz::edge {
namespace {

bool keeps(const model::KeyRule& rule, std::string_view pair) {
  const std::string_view name = pair.substr(0, pair.find('='));
  const bool listed = std::find(rule.params.begin(), rule.params.end(), name) != rule.params.end();
  return rule.query == model::QueryKey::kKeepAll || (rule.query == model::QueryKey::kKeepListed) == listed;
}

void append_query(std::string_view query, const model::KeyRule& rule, std::string& out) {
  std::vector<std::string_view> pairs;
  for (const auto pair : split(query, '&')) {
    if (!pair.empty() && keeps(rule, pair)) pairs.push_back(pair);
  }
  if (rule.sort_query) std::sort(pairs.begin(), pairs.end());
  char separator = '?';
  for (const auto pair : pairs) {
    out.push_back(std::exchange(separator, '&'));
    out.append(pair);
  }
}

/// A dot, plain or as %2e: how many characters it takes, 0 for anything else.
std::size_t dot_at(std::string_view text) {
  if (text.starts_with('.')) return 1;
  return text.size() >= 3 && text[0] == '%' && text[1] == '2' && to_lower(text[2]) == 'e' ? 3 : 0;
}

bool is_dot_segment(std::string_view segment) {
  const auto first = dot_at(segment);
  if (first == 0) return false;
  segment.remove_prefix(first);
  if (segment.empty()) return true;
  const auto second = dot_at(segment);
  return second != 0 && segment.size() == second;
}

}  // namespace

std::string_view key_target(const http::RequestHead& request, const model::KeyRule& rule, std::string& scratch) {
  const bool plain = rule.query == model::QueryKey::kKeepAll && !rule.sort_query;
  if (!request.has_query || rule.query == model::QueryKey::kIgnoreAll) return request.path;
  if (plain && request.form == http::TargetForm::kOrigin) return request.target;
  scratch.assign(request.path);
  if (plain) {
    scratch.append("?").append(request.query);
  } else {
    append_query(request.query, rule, scratch);
  }
  return scratch;
}

std::string key_target(std::string_view path_and_query, const model::KeyRule& rule) {
  const auto question = path_and_query.find('?');
  std::string out(path_and_query.substr(0, question));
  if (question == std::string_view::npos || rule.query == model::QueryKey::kIgnoreAll) return out;
  if (rule.query == model::QueryKey::kKeepAll && !rule.sort_query) return std::string(path_and_query);
  append_query(path_and_query.substr(question + 1), rule, out);
  return out;
}

std::string forward_target(const http::RequestHead& request) {
  std::string out(request.path);
  if (request.has_query) out.append("?").append(request.query);
  return out;
}

bool is_unambiguous(std::string_view path) {
  if (path.find('\\') != std::string_view::npos) return false;
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 2 >= path.size()) return false;
    const std::string hex = to_lower(path.substr(at + 1, 2));
    for (const std::string_view refused : {"2f", "5c", "00", "0d", "0a", "23", "3f", "25", "3b"}) {
      if (hex == refused) return false;
    }
  }
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    if (is_dot_segment(path.substr(0, end))) return false;
    path.remove_prefix(end);
  }
  return true;
}

}  // namespace yz::edge
