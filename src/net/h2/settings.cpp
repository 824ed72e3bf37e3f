#include "net/h2/settings.h"

namespace yz::net::h2 {

ErrorCode PeerSettings::apply(std::string_view payload) {
  for (; payload.size() >= 6; payload.remove_prefix(6)) {
    const auto id = static_cast<SettingId>(read_u32(payload.data()) >> 16);
    const std::uint32_t value = read_u32(payload.data() + 2);
    switch (id) {
      case SettingId::kEnablePush:
        if (value > 1) return ErrorCode::kProtocolError;
        break;
      case SettingId::kInitialWindowSize:
        if (value > kMaxWindow) return ErrorCode::kFlowControlError;
        initial_window = value;
        break;
      case SettingId::kMaxFrameSize:
        if (value < kDefaultFrameSize || value > 0xffffff) return ErrorCode::kProtocolError;
        max_frame = value;
        break;
      case SettingId::kNoRfc7540Priorities:
        if (value > 1) return ErrorCode::kProtocolError;
        break;
      case SettingId::kHeaderTableSize:
      case SettingId::kMaxConcurrentStreams:
      case SettingId::kMaxHeaderListSize:
        break;  // of our encoder's table, our pushes and our heads: we have none, none, and small ones
    }
  }
  return ErrorCode::kNoError;
}

char* write_setting(char* out, SettingId id, std::uint32_t value) {
  out[0] = static_cast<char>(static_cast<std::uint16_t>(id) >> 8);
  out[1] = static_cast<char>(id);
  return write_u32(out + 2, value);
}

}  // namespace yz::net::h2
