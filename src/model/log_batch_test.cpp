#include "model/log_batch.h"

#include <gtest/gtest.h>

namespace yz::model {
namespace {

const std::string kFrames = "frame-onetwo";

LogBatchHead sample() {
  LogBatchHead head;
  head.node = NodeId{7};
  head.epoch = UINT64_MAX;
  head.number = 3;
  head.slices = {{100, {1}, 5, 500, 9}, {100, {2}, 1, 70, 3}};
  head.losses = {{17, 100, {1}, 4}};
  head.positions = {{{17, 1}, 4096, 40}};
  return head;
}

TEST(LogBatch, ComesBackAsItWasWritten) {
  const std::string bytes = encode(sample(), kFrames);
  const auto batch = decode_log_batch(bytes);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->head, sample());
  EXPECT_EQ(bytes.substr(batch->frames_at), kFrames);
  const auto size = log_batch_head_size(std::string_view(bytes).substr(0, kLogBatchStart));
  ASSERT_TRUE(size);
  const auto head = decode_log_batch_head(std::string_view(bytes).substr(0, *size));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->head, sample());
  EXPECT_EQ(head->frames_at, batch->frames_at);
}

TEST(LogBatch, WithoutLinesIsABatchToo) {
  LogBatchHead head = sample();
  head.slices.clear();
  EXPECT_TRUE(decode_log_batch(encode(head, "")));
}

TEST(LogBatch, EveryFlippedByteAndEveryCutIsFound) {
  const std::string bytes = encode(sample(), kFrames);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    EXPECT_FALSE(decode_log_batch(bad)) << i;
    EXPECT_FALSE(decode_log_batch(std::string_view(bytes).substr(0, i))) << i;
  }
}

TEST(LogBatch, SlicesOutOfOrderTwiceOrLongerThanTheFramesAreRefused) {
  LogBatchHead head = sample();
  std::swap(head.slices[0], head.slices[1]);
  EXPECT_FALSE(decode_log_batch(encode(head, kFrames)));
  head = sample();
  head.slices[1].domain = head.slices[0].domain;
  EXPECT_FALSE(decode_log_batch(encode(head, kFrames)));
  head = sample();
  head.slices[0].size = UINT64_MAX;
  EXPECT_FALSE(decode_log_batch(encode(head, kFrames)));
  EXPECT_FALSE(decode_log_batch(encode(sample(), kFrames + "x")));
}

TEST(LogBatch, NumbersThatNoNodeCanMeanAreRefused) {
  LogBatchHead head = sample();
  head.slices[0].lines = UINT64_MAX;
  EXPECT_FALSE(decode_log_batch(encode(head, kFrames)));
  head = sample();
  head.losses[0].lost = UINT64_MAX;
  EXPECT_FALSE(decode_log_batch(encode(head, kFrames)));
  head = sample();
  head.losses.resize(kMaxLogLosses + 1);
  EXPECT_FALSE(decode_log_batch(encode(head, kFrames)));
}

}  // namespace
}  // namespace yz::model
