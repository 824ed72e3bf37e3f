#include "http/header_map.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "http/status.h"

namespace yz::http {
namespace {

constexpr std::size_t kBlockSize = 1024;

}  // namespace

HeaderMap::HeaderMap(Fields fields) {
  lines_.reserve(fields.size());
  for (const Field& field : fields) lines_.push_back({keep(field.name), keep(field.value), field.id});
}

HeaderMap::HeaderMap(std::initializer_list<std::pair<std::string_view, std::string_view>> lines) {
  for (const auto& [name, value] : lines) add(name, value);
}

HeaderMap& HeaderMap::operator=(const HeaderMap& other) {
  if (this != &other) *this = HeaderMap(other.fields());
  return *this;
}

std::string_view HeaderMap::keep(std::string_view text) {
  if (text.empty()) return {};
  if (blocks_.empty() || block_size_ - block_used_ < text.size()) {
    block_size_ = std::max(kBlockSize, text.size());
    block_used_ = 0;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_size_));
  }
  char* at = blocks_.back().get() + block_used_;
  std::memcpy(at, text.data(), text.size());
  block_used_ += text.size();
  return {at, text.size()};
}

void HeaderMap::add(std::string_view name, std::string_view value) {
  lines_.push_back({keep(name), keep(value), find_field_id(name)});
}

void HeaderMap::set(std::string_view name, std::string_view value) {
  const auto same = [&](const Field& field) { return equals_ignoring_case(field.name, name); };
  const auto first = std::find_if(lines_.begin(), lines_.end(), same);
  if (first == lines_.end()) return add(name, value);
  first->value = keep(value);
  lines_.erase(std::remove_if(first + 1, lines_.end(), same), lines_.end());
}

void HeaderMap::remove(FieldId id) {
  std::erase_if(lines_, [&](const Field& field) { return field.id == id; });
}

void HeaderMap::remove(std::string_view name) {
  std::erase_if(lines_, [&](const Field& field) { return equals_ignoring_case(field.name, name); });
}

void HeaderMap::clear() {
  lines_.clear();
  blocks_.clear();
  block_used_ = block_size_ = 0;
}

std::optional<std::string_view> HeaderMap::value(std::string_view name) const {
  const Field* field = fields().find(name);
  return field == nullptr ? std::nullopt : std::optional(field->value);
}

void HeaderMap::write_to(std::string& out) const {
  for (const Field& field : lines_) {
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
}

void write_status_line(std::string& out, int status) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
}

}  // namespace yz::http
