#include "http/header_map.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "http/status.h"

namespace yz::http {
namespace {

constexpr std::size_t kBlockSize = 1024;
/// Lines of most messages, so that their vector grows once.
constexpr std::size_t kUsualLines = 16;

}  // namespace

HeaderMap::HeaderMap(Fields fields) {
  std::size_t text = 0;
  for (const Field& field : fields) text += field.name.size() + field.value.size();
  if (text > 0) open_block(text);
  lines_.reserve(fields.size());
  for (const Field& field : fields) lines_.push_back({keep(field.name), keep(field.value), field.id});
}

HeaderMap::HeaderMap(std::initializer_list<std::pair<std::string_view, std::string_view>> lines) {
  for (const auto& [name, value] : lines) add(name, value);
}

HeaderMap::HeaderMap(HeaderMap&& other) noexcept
    : lines_(std::move(other.lines_)),
      block_(std::move(other.block_)),
      filled_(std::move(other.filled_)),
      block_used_(std::exchange(other.block_used_, 0)),
      block_size_(std::exchange(other.block_size_, 0)) {
  other.clear();
}

HeaderMap& HeaderMap::operator=(HeaderMap&& other) noexcept {
  if (this == &other) return *this;
  lines_ = std::move(other.lines_);
  block_ = std::move(other.block_);
  filled_ = std::move(other.filled_);
  block_used_ = other.block_used_;
  block_size_ = other.block_size_;
  other.clear();
  return *this;
}

HeaderMap& HeaderMap::operator=(const HeaderMap& other) {
  if (this != &other) *this = HeaderMap(other.fields());
  return *this;
}

void HeaderMap::open_block(std::size_t size) {
  if (block_) filled_.push_back(std::move(block_));
  block_ = Block(static_cast<char*>(BlockPool::allocate(size)), {size});
  block_size_ = size;
  block_used_ = 0;
}

std::string_view HeaderMap::keep(std::string_view text) {
  if (text.empty()) return {};
  if (block_size_ - block_used_ < text.size()) open_block(std::max(kBlockSize, text.size()));
  char* at = block_.get() + block_used_;
  std::memcpy(at, text.data(), text.size());
  block_used_ += text.size();
  return {at, text.size()};
}

void HeaderMap::add(std::string_view name, std::string_view value) { add_line(name, value, find_field_id(name)); }

void HeaderMap::add_line(std::string_view name, std::string_view value, FieldId id) {
  if (lines_.capacity() == 0) lines_.reserve(kUsualLines);
  const std::string_view kept = keep(name);
  lines_.push_back({kept, keep(value), id});
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
  block_.reset();
  filled_.clear();
  block_used_ = block_size_ = 0;
}

std::optional<std::string_view> HeaderMap::value(std::string_view name) const {
  const Field* field = fields().find(name);
  return field == nullptr ? std::nullopt : std::optional(field->value);
}

void HeaderMap::write_to(std::string& out) const {
  for (const Field& field : lines_) append_field(out, field.name, field.value);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::size_t kMarks = 4;
  const std::size_t before = out.size();
  out.resize(before + name.size() + value.size() + kMarks);
  char* at = out.data() + before;
  at = std::copy(name.begin(), name.end(), at);
  *at++ = ':';
  *at++ = ' ';
  at = std::copy(value.begin(), value.end(), at);
  *at++ = '\r';
  *at = '\n';
}

void write_status_line(std::string& out, int status) {
  out.append("HTTP/1.1 ").append(fmt::format_int(status).c_str()).append(" ").append(reason_phrase(status));
  out.append("\r\n");
}

}  // namespace yz::http
