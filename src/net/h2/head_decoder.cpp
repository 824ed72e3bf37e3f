#include "net/h2/head_decoder.h"

#include <utility>

#include "base/text.h"
#include "http/authority.h"
#include "http/scan.h"

namespace yz::net::h2 {
namespace {

/// A block that unpacks to this many times the limit of a head is an attack, not a mistake.
constexpr std::size_t kBombFactor = 4;

/// RFC 9113 §8.2.2.
bool belongs_to_connection(http::FieldId id) {
  switch (id) {
    case http::FieldId::kConnection:
    case http::FieldId::kKeepAlive:
    case http::FieldId::kProxyConnection:
    case http::FieldId::kTransferEncoding:
    case http::FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

}  // namespace

HeadDecoder::HeadDecoder(const http::RequestRules& rules)
    : rules_(rules), hpack_(rules.limits.head * kBombFactor, rules.allow_obs_text) {}

void HeadDecoder::begin(Kind kind) {
  kind_ = kind;
  outcome_ = {};
  size_ = 0;
  hpack_.begin();
  has_regular_ = has_method_ = has_scheme_ = has_path_ = has_authority_ = has_cookie_ = false;
  authority_ = priority_ = {};
  host_.reset();
  length_.reset();
}

void HeadDecoder::begin_request(http::RequestHead& head, TextArena& arena) {
  begin(Kind::kRequest);
  head_ = &head;
  arena_ = &arena;
  head.version = http::Version::kHttp2;
  head.form = http::TargetForm::kOrigin;
  head.framing = http::Framing::kNone;
  head.keep_alive = true;
  head.expects_continue = head.has_query = false;
  head.port = 0;
  head.content_length = 0;
  head.method_text = head.target = head.scheme = head.host = head.path = head.query = {};
  head.fields.clear();
}

void HeadDecoder::begin_trailers() { begin(Kind::kTrailers); }
void HeadDecoder::begin_discarded() { begin(Kind::kDiscarded); }

HeadDecoder::Fed HeadDecoder::feed(std::string_view fragment, bool is_last) {
  return hpack_.feed(fragment, is_last, [this](const HpackField& field) {
    size_ += field.name.size() + field.value.size() + kFieldOverhead;
    if (size_ > rules_.limits.head * kBombFactor) return false;
    take_field(field);
    return true;
  });
}

void HeadDecoder::refuse(http::HeadError error) {
  if (outcome_.refusal == http::HeadError::kNone) outcome_.refusal = error;
}

void HeadDecoder::take_field(const HpackField& field) {
  if (kind_ == Kind::kDiscarded || outcome_.is_malformed) return;
  if (field.traits.pseudo != Pseudo::kNone) {
    outcome_.is_malformed = kind_ == Kind::kTrailers || has_regular_;
    if (!outcome_.is_malformed) take_pseudo(field.traits.pseudo, field.value);
    return;
  }
  has_regular_ = true;
  if (!field.traits.is_sound || !field.is_clean) {
    outcome_.is_malformed = true;
    return;
  }
  if (size_ > rules_.limits.head) return refuse(http::HeadError::kHeadTooLarge);
  if (field.name.size() + field.value.size() > rules_.limits.field_line) return refuse(http::HeadError::kFieldTooLong);
  take_regular(field.name, field.value, field.traits.id);
}

/// RFC 9113 §8.3.1. Values are checked by what they are when the block is whole.
void HeadDecoder::take_pseudo(Pseudo pseudo, std::string_view value) {
  const auto once = [&](bool& seen) {
    if (seen) outcome_.is_malformed = true;
    return !std::exchange(seen, true);
  };
  if (value.size() > rules_.limits.start_line) {
    return refuse(pseudo == Pseudo::kPath ? http::HeadError::kRequestLineTooLong : http::HeadError::kFieldTooLong);
  }
  switch (pseudo) {
    case Pseudo::kPath:
      if (once(has_path_)) head_->target = arena_->keep(value);
      return;
    case Pseudo::kMethod:
      if (!once(has_method_)) return;
      head_->method = http::parse_method(value);
      head_->method_text = head_->method == http::Method::kOther ? arena_->keep(value) : http::to_string(head_->method);
      if (head_->method == http::Method::kOther && !http::is_token(value)) outcome_.is_malformed = true;
      return;
    case Pseudo::kAuthority:
      if (once(has_authority_)) authority_ = arena_->keep(value);
      return;
    case Pseudo::kScheme:
      if (!once(has_scheme_) || value == "https" || value == "http") return;
      if (http::default_port(value) == 0) outcome_.is_malformed = true;
      return;
    default:
      outcome_.is_malformed = true;
  }
}

void HeadDecoder::take_regular(std::string_view name, std::string_view value, http::FieldId id) {
  if (belongs_to_connection(id) || (id == http::FieldId::kTe && !equals_ignoring_case(value, "trailers"))) {
    outcome_.is_malformed = true;
    return;
  }
  if (kind_ == Kind::kTrailers) return;
  if (head_->fields.size() == 0) take_authority();
  switch (id) {
    case http::FieldId::kHost:
      if (host_) outcome_.is_malformed = true;
      host_ = arena_->keep(value);
      if (!has_authority_) add(http::name_of(id), *host_, id);
      return;
    case http::FieldId::kCookie:
      if (std::exchange(has_cookie_, true)) {
        cookie_ += "; ";
      } else {
        cookie_.clear();
      }
      cookie_ += value;
      return;
    case http::FieldId::kContentLength: {
      const auto length = parse_u64(value);
      const bool is_plain = value.size() == 1 || !value.starts_with('0');
      if (length_ || !length || *length > INT64_MAX || !is_plain) outcome_.is_malformed = true;
      length_ = length;
      break;
    }
    case http::FieldId::kOther: {
      const std::string_view kept = arena_->keep(value);
      if (name == "priority") priority_ = kept;
      return add(arena_->keep(name), kept, id);
    }
    default:
      break;
  }
  add(http::name_of(id), arena_->keep(value), id);
}

/// What stands for Host in a request with ":authority" comes first, as RFC 9110 §7.2 advises for Host.
void HeadDecoder::take_authority() {
  if (has_authority_) add(http::name_of(http::FieldId::kHost), authority_, http::FieldId::kHost);
}

void HeadDecoder::add(std::string_view name, std::string_view value, http::FieldId id) {
  if (head_->fields.size() >= rules_.limits.fields || !head_->fields.add({name, value, id})) {
    refuse(http::HeadError::kTooManyFields);
  }
}

HeadOutcome HeadDecoder::finish(bool ends_stream) {
  if (kind_ == Kind::kDiscarded || outcome_.is_malformed) return outcome_;
  if (kind_ == Kind::kTrailers) {
    outcome_.is_malformed = !ends_stream;
    return outcome_;
  }
  if (head_->fields.size() == 0) take_authority();
  if (has_cookie_) add(http::name_of(http::FieldId::kCookie), arena_->keep(cookie_), http::FieldId::kCookie);
  if (outcome_.refusal != http::HeadError::kNone) return outcome_;
  outcome_.is_malformed = !has_method_ || !finish_target() || !finish_host() || !finish_body(ends_stream);
  finish_expect();
  return outcome_;
}

bool HeadDecoder::finish_target() {
  http::RequestHead& head = *head_;
  if (head.method == http::Method::kConnect) {
    head.form = http::TargetForm::kAuthority;
    head.target = authority_;
    return has_authority_ && !has_path_ && !has_scheme_;
  }
  if (!has_path_ || !has_scheme_) return false;
  if (http::find_target_end(head.target, 0) != head.target.size()) return false;
  if (head.target == "*") {
    head.form = http::TargetForm::kAsterisk;
    head.path = head.target;
    return head.method == http::Method::kOptions;
  }
  if (!head.target.starts_with('/')) return false;
  const auto question = head.target.find('?');
  head.path = head.target.substr(0, question);
  head.has_query = question != std::string_view::npos;
  head.query = head.has_query ? head.target.substr(question + 1) : std::string_view();
  return true;
}

/// ":authority" and Host name the same place when both are there (RFC 9113 §8.3.1).
bool HeadDecoder::finish_host() {
  if (!has_authority_ && !host_) {
    refuse(http::HeadError::kHostMissing);
    return true;
  }
  const auto authority = http::parse_authority(has_authority_ ? authority_ : *host_);
  if (!authority) return false;
  if (head_->method == http::Method::kConnect && authority->port == 0) return false;
  head_->host = authority->host;
  head_->port = authority->port;
  if (!has_authority_ || !host_) return true;
  const auto host = http::parse_authority(*host_);
  return host && http::same_authority(*authority, *host, "http");
}

bool HeadDecoder::finish_body(bool ends_stream) {
  if (ends_stream) return length_.value_or(0) == 0;
  if (!length_) {
    head_->framing = http::Framing::kChunked;  // a length nobody knows before the end
  } else if (*length_ > 0) {
    head_->framing = http::Framing::kLength;
    head_->content_length = *length_;
  }
  return true;
}

void HeadDecoder::finish_expect() {
  const http::Field* expect = head_->fields.find(http::FieldId::kExpect);
  if (expect == nullptr) return;
  if (!equals_ignoring_case(expect->value, "100-continue")) return refuse(http::HeadError::kExpectation);
  head_->expects_continue = true;
}

}  // namespace yz::net::h2
