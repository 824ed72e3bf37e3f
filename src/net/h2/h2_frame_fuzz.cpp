#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/scan.h"
#include "net/h2/frame.h"
#include "net/h2/head_decoder.h"
#include "net/h2/head_encoder.h"
#include "net/h2/priority.h"
#include "net/h2/settings.h"

using namespace yz::net::h2;  // NOLINT(google-build-using-namespace)

namespace {

/// What a head says must be fit to be passed on over HTTP/1.1.
void check_head(const yz::http::RequestHead& head) {
  YZ_ASSERT(yz::http::is_token(head.method_text));
  YZ_ASSERT(yz::http::find_target_end(head.target, 0) == head.target.size());
  std::string lines;
  for (const yz::http::Field& field : yz::http::Fields(head.fields)) {
    YZ_ASSERT(yz::http::is_token(field.name));
    YZ_ASSERT(yz::http::find_value_end(field.value, 0, false) == field.value.size());
    YZ_ASSERT(field.id != yz::http::FieldId::kTransferEncoding && field.id != yz::http::FieldId::kConnection);
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  const iovec piece{lines.data(), lines.size()};
  std::string out(encoded_bound({&piece, 1}), '\0');
  YZ_ASSERT(encode_lines(out.data(), lines) <= out.data() + out.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeadDecoder decoder{yz::http::RequestRules{}};
  yz::http::RequestHead head;
  TextArena arena;
  PeerSettings settings;
  bool is_open = false;
  bool is_request = false;
  while (true) {
    const FrameStep step = next_frame(bytes, kDefaultFrameSize);
    if (step.state == FrameState::kIncomplete) return 0;
    if (step.state == FrameState::kError && step.error.stream == 0) return 0;
    YZ_ASSERT(step.consumed >= kFrameHeaderSize && step.consumed <= bytes.size());
    YZ_ASSERT(step.frame.payload.size() <= step.consumed);
    bytes.remove_prefix(step.consumed);
    const Frame& frame = step.frame;
    if (step.state == FrameState::kError) continue;
    if (frame.type == FrameType::kSettings && settings.apply(frame.payload) == ErrorCode::kNoError) {
      YZ_ASSERT(settings.initial_window <= kMaxWindow && settings.max_frame >= kDefaultFrameSize);
    }
    if (frame.type == FrameType::kPriorityUpdate) YZ_ASSERT(parse_priority(frame.payload).urgency <= 7);
    const bool begins = frame.type == FrameType::kHeaders;
    if (!begins && !(is_open && frame.type == FrameType::kContinuation)) continue;
    if (begins) {
      is_request = frame.stream % 4 == 1;
      if (is_request) {
        arena.clear();
        decoder.begin_request(head, arena);
      } else {
        decoder.begin_trailers();
      }
    }
    is_open = !frame.has(kEndHeaders);
    if (decoder.feed(frame.payload, !is_open) != HeadDecoder::Fed::kOk) return 0;
    if (is_open) continue;
    const HeadOutcome outcome = decoder.finish(frame.has(kEndStream));
    if (is_request && !outcome.is_malformed && outcome.refusal == yz::http::HeadError::kNone) check_head(head);
  }
}
