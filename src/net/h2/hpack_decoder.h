#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/h2/hpack_table.h"

namespace yz::net::h2 {

/// Header blocks of one connection into fields (RFC 7541). A block comes in parts of any size; a field that lies on a
/// border is kept until the rest is there. What comes out lives until the next call.
class HpackDecoder {
 public:
  /// Texts longer than `longest` as they are sent are not taken. `allow_obs_text`: such bytes do not make a value
  /// unclean.
  HpackDecoder(std::size_t longest, bool allow_obs_text) : longest_(longest), allow_obs_text_(allow_obs_text) {}

  void begin() {
    has_fields_ = false;
    for (std::string* text : {&name_, &value_, &rest_}) {
      if (text->capacity() > kKept) std::string().swap(*text);
    }
    rest_.clear();
  }

  enum class Fed : std::uint8_t {
    kOk,
    kBroken,    ///< no HPACK
    kTooLarge,  ///< a text is too long, or `take` gave up
  };
  /// Calls `take(const HpackField&) -> bool` for each field that is whole; false from it ends the block. `is_last`: the
  /// block ends here.
  template <typename Take>
  [[nodiscard]] Fed feed(std::string_view part, bool is_last, Take&& take) {
    if (!rest_.empty()) {
      rest_.append(part);
      part = rest_;
    }
    In in{part.data(), part.data() + part.size()};
    while (in.at != in.end) {
      const char* const start = in.at;
      HpackField field;
      const Step step = next(in, field);
      if (step == Step::kBroken) return Fed::kBroken;
      if (step == Step::kTooLarge) return Fed::kTooLarge;
      if (step == Step::kIncomplete) {
        if (is_last) return Fed::kBroken;
        keep({start, static_cast<std::size_t>(in.end - start)});
        return Fed::kOk;
      }
      if (step == Step::kResized) continue;
      has_fields_ = true;
      if (!take(field)) return Fed::kTooLarge;
      if (step == Step::kFieldToAdd) table_.add(field);
    }
    rest_.clear();
    return Fed::kOk;
  }

 private:
  /// Longer texts give their memory back.
  static constexpr std::size_t kKept = 1024;
  enum class Step : std::uint8_t { kField, kFieldToAdd, kResized, kIncomplete, kBroken, kTooLarge };
  struct In {
    const char* at;
    const char* end;
  };

  [[nodiscard]] Step next(In& in, HpackField& field) {
    const auto first = static_cast<unsigned char>(*in.at);
    // Most of most blocks: an index of one byte (RFC 7541 §6.1).
    if (first > 0x80 && first < 0xff) {
      ++in.at;
      const HpackField* const known = table_.find(first & 0x7fU);
      if (known == nullptr) return Step::kBroken;
      field = *known;
      return Step::kField;
    }
    return next_slowly(in, field);
  }
  [[nodiscard]] Step next_slowly(In& in, HpackField& field);
  [[nodiscard]] Step read_literal(In& in, unsigned prefix_bits, HpackField& field);
  [[nodiscard]] Step read_integer(In& in, unsigned prefix_bits, std::size_t& number);
  [[nodiscard]] Step read_text(In& in, std::string& decoded, std::string_view& text);
  void keep(std::string_view rest);

  const std::size_t longest_;
  const bool allow_obs_text_;
  bool has_fields_ = false;  // in this block
  HpackTable table_;
  std::string name_;   // room to decode into
  std::string value_;  // room to decode into
  std::string rest_;   // of a part, the start of a field
};

}  // namespace yz::net::h2
