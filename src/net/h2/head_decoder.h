#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/head_error.h"
#include "http/message.h"
#include "http/request_parser.h"
#include "net/h2/hpack_decoder.h"
#include "net/h2/text_arena.h"

namespace yz::net::h2 {

/// What a whole header block came to.
struct HeadOutcome {
  bool is_malformed = false;                         ///< a stream error (RFC 9113 §8.1.1)
  http::HeadError refusal = http::HeadError::kNone;  ///< else: well formed, but to be answered with an error
};

/// Header blocks of one connection into requests: HPACK, then the rules of RFC 9113 §8.2 and
/// §8.3 with the same strictness as HTTP/1.1, so that what is passed on means the same to everyone behind us. Every
/// block must be fed whole, even one nobody wants, for the table's sake.
class HeadDecoder {
 public:
  explicit HeadDecoder(const http::RequestRules& rules);
  HeadDecoder(const HeadDecoder&) = delete;
  HeadDecoder& operator=(const HeadDecoder&) = delete;

  /// The next block is a request's head; its views point into `arena`.
  void begin_request(http::RequestHead& head, TextArena& arena);
  /// The next block is trailers: checked and dropped.
  void begin_trailers();
  /// The next block is of a stream that is gone.
  void begin_discarded();

  using Fed = HpackDecoder::Fed;
  /// The next part of the block. kBroken ends the connection with COMPRESSION_ERROR; kTooLarge, what unpacks to much
  /// more than any head may be, with ENHANCE_YOUR_CALM.
  [[nodiscard]] Fed feed(std::string_view fragment, bool is_last);
  /// After the last part. `ends_stream`: nothing follows the head.
  [[nodiscard]] HeadOutcome finish(bool ends_stream);
  /// The request's Priority field (RFC 9218 §5), or empty.
  [[nodiscard]] std::string_view priority() const { return priority_; }

 private:
  enum class Kind : std::uint8_t { kRequest, kTrailers, kDiscarded };

  void begin(Kind kind);
  void take_field(const HpackField& field);
  void take_pseudo(Pseudo pseudo, std::string_view value);
  void take_regular(std::string_view name, std::string_view value, http::FieldId id);
  void take_authority();
  void add(std::string_view name, std::string_view value, http::FieldId id);
  void refuse(http::HeadError error);
  [[nodiscard]] bool finish_target();
  [[nodiscard]] bool finish_host();
  [[nodiscard]] bool finish_body(bool ends_stream);
  void finish_expect();

  const http::RequestRules rules_;
  HpackDecoder hpack_;
  Kind kind_ = Kind::kDiscarded;
  http::RequestHead* head_ = nullptr;
  TextArena* arena_ = nullptr;
  HeadOutcome outcome_;
  std::size_t size_ = 0;  // as RFC 9113 §6.5.2 counts a list
  bool has_regular_ = false;
  bool has_method_ = false;
  bool has_scheme_ = false;
  bool has_path_ = false;
  bool has_authority_ = false;
  std::string_view authority_;
  std::string_view priority_;
  std::optional<std::string_view> host_;
  std::optional<std::uint64_t> length_;
  std::string cookie_;  // crumbs joined (RFC 9113 §8.2.3)
  bool has_cookie_ = false;
};

}  // namespace yz::net::h2
