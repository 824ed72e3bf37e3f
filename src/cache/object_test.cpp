#include "cache/object.h"

#include <gtest/gtest.h>

#include "cache/epoch.h"
#include "cache/testing.h"

namespace yz::cache {
namespace {

class Objects : public ::testing::Test {
 protected:
  ~Objects() override { Epoch::drain(); }
  [[nodiscard]] Ref<Object> make(const ObjectMeta& meta, std::string_view body) {
    return Object::make(arena_, meta, std::span(&body, 1));
  }
  MemoryBudget budget_{mib(8)};
  Arena arena_{budget_, mib(8)};
};

TEST_F(Objects, GiveBackAllTheyWereMadeOf) {
  const SampleResponse response = sample("/a/b?c");
  const std::vector<std::uint32_t> tags = {1, 2, 3};
  ObjectMeta meta = response.meta();
  meta.key.variant = {5, 6};
  meta.base = BaseId{77};
  meta.born = Seq{(1ULL << 40) + 5};
  meta.status = 404;
  meta.flags = 0xa5;
  meta.response_time = WallTime(std::chrono::milliseconds(1'700'000'000'123));
  meta.request_time = meta.response_time - std::chrono::milliseconds(77);
  meta.initial_age = std::chrono::seconds(3);
  meta.lifetime = std::chrono::seconds(4);
  meta.stale_while_revalidate = std::chrono::seconds(5);
  meta.stale_if_error = std::chrono::seconds(6);
  meta.content_length = 1'000'000'000'000;
  meta.head_after_age = "X: y\r\n";
  meta.etag = "\"tag\"";
  meta.last_modified = "yesterday";
  meta.vary = "accept-language";
  meta.extra = "own";
  meta.tags = tags;
  const std::string body(5'000, 'b');
  const Ref<Object> object = make(meta, body);
  ASSERT_TRUE(object);
  // Made anew of what it tells, it is the same.
  const Ref<Object> again = make(object->meta(), text_of(object->body()));
  for (const Object* one : {object.get(), again.get()}) {
    EXPECT_EQ(one->key(), meta.key);
    EXPECT_EQ(one->slot(), meta.key.slot());
    EXPECT_EQ(one->base(), meta.base);
    EXPECT_EQ(one->born(), meta.born);
    EXPECT_EQ(one->status(), 404);
    EXPECT_EQ(one->flags(), 0xa5U);
    EXPECT_EQ(one->request_time(), meta.request_time);
    EXPECT_EQ(one->response_time(), meta.response_time);
    EXPECT_EQ(one->initial_age().count(), 3);
    EXPECT_EQ(one->lifetime().count(), 4);
    EXPECT_EQ(one->stale_while_revalidate().count(), 5);
    EXPECT_EQ(one->stale_if_error().count(), 6);
    EXPECT_EQ(one->content_length(), 1'000'000'000'000U);
    EXPECT_EQ(one->head_before_age(), response.head);
    EXPECT_EQ(one->head_after_age(), "X: y\r\n");
    EXPECT_EQ(one->host(), "www.a.com");
    EXPECT_EQ(one->target(), "/a/b?c");
    EXPECT_EQ(one->etag(), "\"tag\"");
    EXPECT_EQ(one->last_modified(), "yesterday");
    EXPECT_EQ(one->vary(), "accept-language");
    EXPECT_EQ(one->extra(), "own");
    EXPECT_EQ(std::vector(one->tags().begin(), one->tags().end()), tags);
    EXPECT_EQ(text_of(one->body()), body);
    EXPECT_EQ(one->body_size(), body.size());
  }
}

TEST_F(Objects, OfWhatIsCommonCostSixtyFourBytes) {
  SampleResponse response = sample("/a");
  response.head += "ETag: \"v1\"\r\nDate: Sat, 21 Nov 2026 06:00:00 GMT\r\n";
  ObjectMeta meta = response.meta();
  meta.etag = "\"v1\"";
  meta.extra = "Sat, 21 Nov 2026 06:00:00 GMT";
  const std::string body(1'000, 'b');
  meta.content_length = body.size();
  const Ref<Object> object = make(meta, body);
  const std::size_t told = response.head.size() + response.host.size() + response.target.size() + body.size();
  // Where in the head ETag and Date are, four bytes each; the arena's four and rounding to eight.
  EXPECT_LE(object->weight(), 64 + told + 2 * 4 + 4 + 7);
  EXPECT_EQ(object->etag(), "\"v1\"");
  EXPECT_EQ(object->extra(), meta.extra);
  EXPECT_EQ(object->content_length(), body.size());
}

TEST_F(Objects, OfAHeadAloneKnowTheLengthThatItTells) {
  SampleResponse response = sample("/a");
  ObjectMeta meta = response.meta();
  EXPECT_FALSE(Object::make(arena_, meta)->content_length());
  meta.content_length = 5;
  EXPECT_EQ(Object::make(arena_, meta)->content_length(), 5U);
  EXPECT_EQ(Object::make(arena_, meta)->body_size(), 0U);
  meta.content_length = 0;
  EXPECT_EQ(Object::make(arena_, meta)->content_length(), 0U);
}

TEST_F(Objects, WithHeadsTooLargeAreRefused) {
  SampleResponse response = sample("/a");
  response.head.append(65'000, 'h');
  EXPECT_TRUE(make(response.meta(), "x"));
  response.head.append(600, 'h');
  EXPECT_FALSE(make(response.meta(), "x"));
}

}  // namespace
}  // namespace yz::cache
