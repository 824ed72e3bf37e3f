#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ip.h"
#include "dns/query.h"

namespace yz::dns {

/// Writes one response into a caller's buffer: header, the question echoed byte for byte (so the case a client chose
/// returns to it), records with name compression (RFC 1035 §4.1.4), and the OPT record when the query had one. Room for
/// the OPT is kept free from the start. What does not fit makes the response empty with TC set: all or nothing.
class ResponseWriter {
 public:
  enum class Section : std::uint8_t { kAnswer, kAuthority, kAdditional };

  /// `limit` is the largest size that may be sent; at least 512 and at most `out.size()`. `query` outlives the writer.
  ResponseWriter(std::span<char> out, std::size_t limit, const Query& query, std::string_view nsid);

  /// Adds a record of class IN. Sections in order. NS, CNAME and SOA data is compressed, other data copied.
  void add(Section section, const Name& owner, Type type, std::uint32_t ttl, std::string_view data);
  /// Adds an address for the name that was asked, the shortest way.
  void add_answer_address(std::uint32_t ttl, const IpAddress& address);

  void set_rcode(Rcode rcode) { rcode_ = rcode; }
  void set_authoritative() { flags_ |= kFlagAa; }
  /// SCOPE PREFIX-LENGTH of the client subnet option, if the query has one (RFC 7871 §7.2.1).
  void set_scope(std::uint8_t scope) { scope_ = scope; }

  /// From here on records may be left out silently when they do not fit, without TC (addresses of name servers).
  void begin_optional() { is_optional_ = true; }

  /// Puts the header and the OPT record in place; the message's size. Once, last.
  [[nodiscard]] std::size_t finish();

 private:
  void put_u8(std::uint8_t value);
  void put_u16(std::uint16_t value);
  void put_u32(std::uint32_t value);
  void put_bytes(std::string_view bytes);
  void put_name(std::string_view wire);
  void put_data(Type type, std::string_view data);
  void put_opt();
  [[nodiscard]] std::size_t opt_size() const;
  [[nodiscard]] bool is_written_at(std::size_t offset, std::string_view wire) const;
  void set_u16(std::size_t at, std::uint16_t value);

  char* out_;
  std::size_t limit_;  ///< for records: the size limit less the OPT record
  const Query& query_;
  std::string_view nsid_;
  std::size_t at_ = 0;
  std::uint16_t flags_;
  Rcode rcode_ = Rcode::kNoError;
  std::uint8_t scope_ = 0;
  bool overflowed_ = false;
  bool is_optional_ = false;
  std::array<std::uint16_t, 3> counts_{};
  std::array<std::uint16_t, 48> labels_{};  ///< where label sequences begin that pointers may lead to
  std::size_t label_count_ = 0;
};

}  // namespace yz::dns
