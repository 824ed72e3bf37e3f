#include "net/h2/hpack_decoder.h"

#include <utility>

#include "net/h2/huffman.h"

namespace yz::net::h2 {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// RFC 9113 §8.2.1, and obs-text by our rule.
bool is_clean_value(std::string_view value, bool allow_obs_text) {
  if (value.empty()) return true;
  if (is_blank(value.front()) || is_blank(value.back())) return false;
  return http::find_value_end(value, 0, allow_obs_text) == value.size();
}

}  // namespace

HpackDecoder::Step HpackDecoder::next_slowly(In& in, HpackField& field) {
  const auto first = static_cast<unsigned char>(*in.at);
  if ((first & 0x80U) != 0) {
    std::size_t index = 0;
    if (const Step step = read_integer(in, 7, index); step != Step::kField) return step;
    const HpackField* const known = table_.find(index);
    if (known == nullptr) return Step::kBroken;
    field = *known;
    return Step::kField;
  }
  if ((first & 0xc0U) == 0x40) {  // to be added to the table (RFC 7541 §6.2.1)
    const Step step = read_literal(in, 6, field);
    return step == Step::kField ? Step::kFieldToAdd : step;
  }
  if ((first & 0xe0U) != 0x20) return read_literal(in, 4, field);  // §6.2.2 and §6.2.3
  // A new size comes before all fields, and within what our settings allow (§4.2, §6.3).
  std::size_t size = 0;
  if (const Step step = read_integer(in, 5, size); step != Step::kField) return step;
  if (has_fields_ || size > HpackTable::kMaxSize) return Step::kBroken;
  table_.resize(size);
  return Step::kResized;
}

HpackDecoder::Step HpackDecoder::read_literal(In& in, unsigned prefix_bits, HpackField& field) {
  std::size_t index = 0;
  if (const Step step = read_integer(in, prefix_bits, index); step != Step::kField) return step;
  if (index == 0) {
    if (const Step step = read_text(in, name_, field.name); step != Step::kField) return step;
    field.traits = traits_of(field.name);
  } else {
    const HpackField* const known = table_.find(index);
    if (known == nullptr) return Step::kBroken;
    field.name = known->name;
    field.traits = known->traits;
  }
  if (const Step step = read_text(in, value_, field.value); step != Step::kField) return step;
  field.is_clean = is_clean_value(field.value, allow_obs_text_);
  return Step::kField;
}

/// RFC 7541 §5.1. What has more than 35 bits is taken for broken: nothing here may be as large.
HpackDecoder::Step HpackDecoder::read_integer(In& in, unsigned prefix_bits, std::size_t& number) {
  constexpr unsigned kMostBits = 35;
  const unsigned most = (1U << prefix_bits) - 1;
  number = static_cast<unsigned char>(*in.at++) & most;
  if (number < most) return Step::kField;
  for (unsigned shift = 0; shift < kMostBits; shift += 7) {
    if (in.at == in.end) return Step::kIncomplete;
    const auto byte = static_cast<unsigned char>(*in.at++);
    number += static_cast<std::size_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return Step::kField;
  }
  return Step::kBroken;
}

/// RFC 7541 §5.2. A text that is not coded stays where it is.
HpackDecoder::Step HpackDecoder::read_text(In& in, std::string& decoded, std::string_view& text) {
  if (in.at == in.end) return Step::kIncomplete;
  const bool is_coded = (static_cast<unsigned char>(*in.at) & 0x80U) != 0;
  std::size_t size = 0;
  if (const Step step = read_integer(in, 7, size); step != Step::kField) return step;
  if (size > longest_) return Step::kTooLarge;
  if (size > static_cast<std::size_t>(in.end - in.at)) return Step::kIncomplete;
  text = {std::exchange(in.at, in.at + size), size};
  if (!is_coded) return Step::kField;
  if (decoded.size() < huffman_bound(size)) decoded.resize(huffman_bound(size));
  const char* const end = decode_huffman(text, decoded.data());
  if (end == nullptr) return Step::kBroken;
  text = {decoded.data(), static_cast<std::size_t>(end - decoded.data())};
  return Step::kField;
}

/// `rest` may lie in what was kept before.
void HpackDecoder::keep(std::string_view rest) {
  if (rest_.empty()) {
    rest_.assign(rest);
  } else {
    rest_.erase(0, rest_.size() - rest.size());
  }
}

}  // namespace yz::net::h2
