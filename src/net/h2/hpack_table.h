#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/field_id.h"
#include "http/scan.h"

namespace yz::net::h2 {

/// What a field costs beyond its text (RFC 7541 §4.1).
inline constexpr std::size_t kFieldOverhead = 32;

/// The pseudo fields of requests (RFC 9113 §8.3.1).
enum class Pseudo : std::uint8_t { kNone, kMethod, kScheme, kAuthority, kPath, kUnknown };

/// What is known of a field's name by itself.
struct NameTraits {
  Pseudo pseudo = Pseudo::kNone;
  http::FieldId id = http::FieldId::kOther;
  bool is_sound = false;  ///< pseudo, or a token without capitals (RFC 9113 §8.2.1)
};
[[nodiscard]] NameTraits traits_of(std::string_view name);

/// One field of a header block, and what was found out about it when it was first seen.
struct HpackField {
  std::string_view name;
  std::string_view value;
  NameTraits traits;
  bool is_clean = false;  ///< the value has no blanks around it and no forbidden bytes
};

/// The static and the dynamic table of a decoder (RFC 7541 §2.3). Entries keep what was found out about them, so that a
/// field that comes again is looked at no more. Memory for as many entries as there have been, and for their texts.
class HpackTable {
 public:
  /// What SETTINGS_HEADER_TABLE_SIZE allows when nothing is said of it.
  static constexpr std::size_t kMaxSize = 4096;
  static constexpr std::size_t kStaticFields = 61;

  HpackTable() = default;
  ~HpackTable();
  HpackTable(const HpackTable&) = delete;
  HpackTable& operator=(const HpackTable&) = delete;

  /// The field at an index from 1 on, or null. Lives until the next add() or resize().
  [[nodiscard]] const HpackField* find(std::size_t index) const {
    if (index == 0) return nullptr;
    if (index <= kStaticFields) return &statics()[index - 1];
    const std::size_t age = index - kStaticFields - 1;
    if (age >= count_) return nullptr;
    return &ring_[(newest_ + ring_.size() - age) & (ring_.size() - 1)].field;
  }
  /// Makes room and adds a copy; one that is larger than the table empties it (RFC 7541 §4.4).
  void add(const HpackField& field);
  /// A new bound, at most kMaxSize (RFC 7541 §6.3).
  void resize(std::size_t size);

 private:
  struct Entry {
    HpackField field;
    char* text = nullptr;
  };
  static const std::array<HpackField, kStaticFields>& statics() { return kStatics; }
  static const std::array<HpackField, kStaticFields> kStatics;

  void evict();
  void make_room(std::size_t size);

  std::vector<Entry> ring_;  // a power of two
  std::size_t newest_ = 0;
  std::size_t count_ = 0;
  std::size_t used_ = 0;
  std::size_t limit_ = kMaxSize;
};

}  // namespace yz::net::h2
