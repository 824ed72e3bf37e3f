#include "net/h2/hpack_table.h"

#include <algorithm>
#include <cstring>

#include "base/block_pool.h"

namespace yz::net::h2 {
namespace {

struct StaticField {
  std::string_view name;
  std::string_view value;
};

/// RFC 7541, appendix A.
constexpr std::array<StaticField, HpackTable::kStaticFields> kFields = {{
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
}};

std::array<HpackField, HpackTable::kStaticFields> build_statics() {
  std::array<HpackField, HpackTable::kStaticFields> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = {kFields[i].name, kFields[i].value, traits_of(kFields[i].name), true};
  }
  return out;
}

std::size_t size_of(const HpackField& field) { return field.name.size() + field.value.size() + kFieldOverhead; }

}  // namespace

const std::array<HpackField, HpackTable::kStaticFields> HpackTable::kStatics = build_statics();

NameTraits traits_of(std::string_view name) {
  NameTraits out;
  if (name.starts_with(':')) {
    out.is_sound = true;
    out.pseudo = Pseudo::kUnknown;
    if (name == ":path") out.pseudo = Pseudo::kPath;
    if (name == ":method") out.pseudo = Pseudo::kMethod;
    if (name == ":scheme") out.pseudo = Pseudo::kScheme;
    if (name == ":authority") out.pseudo = Pseudo::kAuthority;
    return out;
  }
  const auto is_lower_token_char = [](char c) { return http::is_token_char(c) && (c < 'A' || c > 'Z'); };
  out.is_sound = !name.empty() && std::all_of(name.begin(), name.end(), is_lower_token_char);
  if (out.is_sound) out.id = http::find_field_id(name);
  return out;
}

HpackTable::~HpackTable() {
  while (count_ > 0) evict();
}

void HpackTable::evict() {
  Entry& oldest = ring_[(newest_ + ring_.size() - (count_ - 1)) & (ring_.size() - 1)];
  const std::size_t size = oldest.field.name.size() + oldest.field.value.size();
  used_ -= size + kFieldOverhead;
  if (size > 0) BlockPool::release(oldest.text, size);
  --count_;
}

/// A place more in the ring, which is full.
void HpackTable::make_room(std::size_t size) {
  std::vector<Entry> wider(size);
  for (std::size_t i = 0; i < count_; ++i)
    wider[i] = ring_[(newest_ + ring_.size() - (count_ - 1) + i) & (ring_.size() - 1)];
  ring_ = std::move(wider);
  newest_ = (count_ + size - 1) & (size - 1);
}

void HpackTable::add(const HpackField& field) {
  // Copied first: the name may be of an entry that has to go.
  const std::size_t name_size = field.name.size();
  const std::size_t text_size = name_size + field.value.size();
  Entry entry{field, nullptr};
  if (text_size + kFieldOverhead <= limit_ && text_size > 0) {
    entry.text = static_cast<char*>(BlockPool::allocate(text_size));
    if (name_size > 0) std::memcpy(entry.text, field.name.data(), name_size);
    if (!field.value.empty()) std::memcpy(entry.text + name_size, field.value.data(), field.value.size());
    entry.field.name = {entry.text, name_size};
    entry.field.value = {entry.text + name_size, field.value.size()};
  }
  while (count_ > 0 && used_ + text_size + kFieldOverhead > limit_) evict();
  if (text_size + kFieldOverhead > limit_) return;
  constexpr std::size_t kFirst = 8;
  if (count_ == ring_.size()) make_room(std::max(kFirst, 2 * ring_.size()));
  newest_ = (newest_ + 1) & (ring_.size() - 1);
  ring_[newest_] = entry;
  ++count_;
  used_ += size_of(entry.field);
}

void HpackTable::resize(std::size_t size) {
  limit_ = size;
  while (used_ > limit_) evict();
}

}  // namespace yz::net::h2
