#include "net/h2/frame.h"

#include <string>

#include <gtest/gtest.h>

#include "net/h2/settings.h"
#include "net/h2/test_client.h"

namespace yz::net::h2 {
namespace {

using testing::frame;
using testing::u32;

TEST(FrameTest, TakesWholeFramesOnly) {
  const std::string ping = frame(FrameType::kPing, kAck, 0, "12345678");
  for (std::size_t size = 0; size < ping.size(); ++size) {
    EXPECT_EQ(next_frame(std::string_view(ping).substr(0, size), kDefaultFrameSize).state, FrameState::kIncomplete);
  }
  const std::string two = ping + "more";
  const FrameStep step = next_frame(two, kDefaultFrameSize);
  ASSERT_EQ(step.state, FrameState::kFrame);
  EXPECT_EQ(step.consumed, ping.size());
  EXPECT_EQ(step.frame.type, FrameType::kPing);
  EXPECT_TRUE(step.frame.has(kAck));
  EXPECT_EQ(step.frame.payload, "12345678");
}

TEST(FrameTest, RefusesLongFramesByTheirHeader) {
  std::string header(kFrameHeaderSize, '\0');
  write_frame_header(header.data(), kDefaultFrameSize + 1, FrameType::kData, 0, 1);
  const FrameStep step = next_frame(header, kDefaultFrameSize);
  EXPECT_EQ(step.state, FrameState::kError);
  EXPECT_EQ(step.error.code, ErrorCode::kFrameSizeError);
  EXPECT_EQ(step.error.stream, 0U);
}

TEST(FrameTest, StripsPaddingAndPriority) {
  const std::string padded = std::string("\x03") + "body" + std::string(3, '\0');
  const Frame data = next_frame(frame(FrameType::kData, kPadded | kEndStream, 5, padded), kDefaultFrameSize).frame;
  EXPECT_EQ(data.flow_size, 8U);
  const std::string bytes = frame(FrameType::kData, kPadded, 5, padded);
  EXPECT_EQ(next_frame(bytes, kDefaultFrameSize).frame.payload, "body");
  const std::string block = std::string("\x01") + u32(0x80000003) + "w" + "block" + std::string(1, '\0');
  const std::string head = frame(FrameType::kHeaders, kPadded | kPriorityFlag, 3, block);
  const FrameStep step = next_frame(head, kDefaultFrameSize);
  EXPECT_EQ(step.frame.payload, "block");
  EXPECT_TRUE(step.frame.depends_on_itself);
}

TEST(FrameTest, HoldsEachTypeToItsRules) {
  struct Case {
    const char* what;
    std::string bytes;
    ErrorCode code;
    std::uint32_t stream;
  };
  const std::vector<Case> cases = {
      {"DATA of no stream", frame(FrameType::kData, 0, 0, "x"), ErrorCode::kProtocolError, 0},
      {"DATA with more padding than bytes", frame(FrameType::kData, kPadded, 1, "\x05xyz"), ErrorCode::kProtocolError,
       0},
      {"DATA without the pad length", frame(FrameType::kData, kPadded, 1), ErrorCode::kProtocolError, 0},
      {"HEADERS of no stream", frame(FrameType::kHeaders, 0, 0, "x"), ErrorCode::kProtocolError, 0},
      {"HEADERS too short for priority", frame(FrameType::kHeaders, kPriorityFlag, 1, "xxxx"),
       ErrorCode::kFrameSizeError, 0},
      {"PRIORITY of six bytes", frame(FrameType::kPriority, 0, 3, "xxxxxx"), ErrorCode::kFrameSizeError, 3},
      {"PRIORITY on itself", frame(FrameType::kPriority, 0, 3, u32(3) + "x"), ErrorCode::kProtocolError, 3},
      {"RST_STREAM of three bytes", frame(FrameType::kRstStream, 0, 3, "xxx"), ErrorCode::kFrameSizeError, 0},
      {"RST_STREAM of no stream", frame(FrameType::kRstStream, 0, 0, "xxxx"), ErrorCode::kProtocolError, 0},
      {"SETTINGS of a stream", frame(FrameType::kSettings, 0, 1), ErrorCode::kProtocolError, 0},
      {"SETTINGS of five bytes", frame(FrameType::kSettings, 0, 0, "xxxxx"), ErrorCode::kFrameSizeError, 0},
      {"SETTINGS acknowledged with more", frame(FrameType::kSettings, kAck, 0, "xxxxxx"), ErrorCode::kFrameSizeError,
       0},
      {"PUSH_PROMISE", frame(FrameType::kPushPromise, 0, 1, "xxxx"), ErrorCode::kProtocolError, 0},
      {"PING of seven bytes", frame(FrameType::kPing, 0, 0, "xxxxxxx"), ErrorCode::kFrameSizeError, 0},
      {"GOAWAY of a stream", frame(FrameType::kGoaway, 0, 1, "xxxxxxxx"), ErrorCode::kProtocolError, 0},
      {"WINDOW_UPDATE of nothing", frame(FrameType::kWindowUpdate, 0, 7, u32(0)), ErrorCode::kProtocolError, 7},
      {"PRIORITY_UPDATE of no stream", frame(FrameType::kPriorityUpdate, 0, 0, u32(0)), ErrorCode::kProtocolError, 0},
      {"CONTINUATION of no stream", frame(FrameType::kContinuation, 0, 0, "x"), ErrorCode::kProtocolError, 0},
  };
  for (const Case& c : cases) {
    const FrameStep step = next_frame(c.bytes, kDefaultFrameSize);
    EXPECT_EQ(step.state, FrameState::kError) << c.what;
    EXPECT_EQ(step.error.code, c.code) << c.what;
    EXPECT_EQ(step.error.stream, c.stream) << c.what;
  }
}

TEST(FrameTest, PassesTypesNobodyKnows) {
  const std::string bytes = frame(static_cast<FrameType>(0xee), 0xff, 9, "anything");
  EXPECT_EQ(next_frame(bytes, kDefaultFrameSize).state, FrameState::kFrame);
}

TEST(SettingsTest, KeepsWhatCountsAndRefusesWhatCannotBe) {
  const auto entry = [](SettingId id, std::uint32_t value) {
    std::string out(6, '\0');
    write_setting(out.data(), id, value);
    return out;
  };
  PeerSettings settings;
  EXPECT_EQ(settings.apply(entry(SettingId::kInitialWindowSize, 5) + entry(static_cast<SettingId>(0x7777), 1) +
                           entry(SettingId::kMaxFrameSize, 20'000)),
            ErrorCode::kNoError);
  EXPECT_EQ(settings.initial_window, 5);
  EXPECT_EQ(settings.max_frame, 20'000U);
  EXPECT_EQ(settings.apply(entry(SettingId::kInitialWindowSize, 0x80000000)), ErrorCode::kFlowControlError);
  EXPECT_EQ(settings.apply(entry(SettingId::kEnablePush, 2)), ErrorCode::kProtocolError);
  EXPECT_EQ(settings.apply(entry(SettingId::kMaxFrameSize, 16'383)), ErrorCode::kProtocolError);
  EXPECT_EQ(settings.apply(entry(SettingId::kMaxFrameSize, 1 << 24)), ErrorCode::kProtocolError);
}

}  // namespace
}  // namespace yz::net::h2
