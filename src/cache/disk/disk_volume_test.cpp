#include "cache/disk/disk_volume.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "cache/disk/testing.h"
#include "cache/memory_tier.h"
#include "cache/purge_log.h"
#include "cache/testing.h"

namespace yz::cache {
namespace {

std::string text_of(std::uint64_t seed, std::size_t size) {
  Random random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

/// A volume on a platter, with what it needs around it. Dropping it without a word is a crash.
struct Rig {
  explicit Rig(std::shared_ptr<Platter> on, std::uint64_t rate = 0) : platter(std::move(on)) {
    options.region = kib(256);
    options.buffer = kib(64);
    options.queue = mib(4);
    options.flush_every = std::chrono::milliseconds(20);
    options.write_rate = {rate};
    purges = *PurgeLog::open({});
    open();
  }
  void open() {
    auto opened = DiskVolume::open(std::make_unique<FaultyDevice>(platter), options, memory, *purges);
    ASSERT_TRUE(opened) << opened.error().message;
    volume = std::move(*opened);
  }
  [[nodiscard]] Ref<Object> make(const std::string& target, std::string_view body) {
    const SampleResponse response = sample(target);
    return memory.make_object(response.meta(), std::span(&body, 1));
  }
  void put(const std::string& target, std::string_view body) { volume->put(make(target, body)); }
  static Hash128 slot(const std::string& target) { return CacheKey{primary_key("www.a.com", target), {}}.slot(); }
  /// The body that is found, "" for none. Says so when it is not of that target.
  [[nodiscard]] std::string get(const std::string& target) {
    const auto read = volume->read(slot(target));
    if (!read) return "";
    const auto object = decode_object(read->record.payload);
    if (!object || object->meta.target != target) return "something else";
    return std::string(object->body);
  }

  std::shared_ptr<Platter> platter;
  VolumeOptions options;
  MemoryTier memory{mib(64)};
  std::unique_ptr<PurgeLog> purges;
  std::unique_ptr<DiskVolume> volume;
};

std::shared_ptr<Platter> crash_copy(Platter& from) {
  auto copy = std::make_shared<Platter>(0);
  copy->bytes = from.copy();
  return copy;
}

TEST(DiskVolume, GivesBackWhatWasPut) {
  Rig rig(std::make_shared<Platter>(mib(4).value));
  rig.put("/a", "hello");
  rig.put("/b", text_of(1, 50'000));
  EXPECT_TRUE(rig.volume->holds(Rig::slot("/a")));
  rig.volume->flush();
  EXPECT_EQ(rig.get("/a"), "hello");
  EXPECT_EQ(rig.get("/b"), text_of(1, 50'000));
  EXPECT_EQ(rig.get("/c"), "");
  EXPECT_EQ(rig.volume->stats().objects, 2U);
  EXPECT_EQ(rig.volume->stats().stored, 2U);
}

TEST(DiskVolume, ASmallObjectIsOneReadOfAFewBlocks) {
  Rig rig(std::make_shared<Platter>(mib(4).value));
  for (int i = 0; i < 50; ++i) rig.put("/" + std::to_string(i), text_of(i, 1000));
  rig.volume->flush();
  const std::uint64_t before = rig.platter->reads;
  EXPECT_EQ(rig.get("/7"), text_of(7, 1000));
  EXPECT_EQ(rig.platter->reads, before + 1);
  EXPECT_LE(rig.platter->last_read_size, 8192U);
}

TEST(DiskVolume, FindsAllAfterACrashButWhatWasNotWrittenYet) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  Rig rig(platter);
  for (int i = 0; i < 200; ++i) rig.put("/" + std::to_string(i), text_of(i, 4'000));
  rig.put("/0", "newer");
  rig.volume->forget(Rig::slot("/1"));
  rig.volume->flush();
  Rig after(crash_copy(*platter));
  EXPECT_EQ(after.volume->stats().recovered, 199U);
  EXPECT_EQ(after.get("/0"), "newer");
  EXPECT_EQ(after.get("/1"), "");
  for (int i = 2; i < 200; ++i) EXPECT_EQ(after.get("/" + std::to_string(i)), text_of(i, 4'000));
}

TEST(DiskVolume, WhatIsWrittenReachesTheDeviceSoonByItself) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  Rig rig(platter);
  rig.put("/a", "hello");
  for (int i = 0; i < 5000 && rig.volume->stats().stored == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Rig after(crash_copy(*platter));
  EXPECT_EQ(after.get("/a"), "hello");
}

TEST(DiskVolume, AFullDeviceForgetsTheOldestAndKeepsWhatIsAskedFor) {
  Rig rig(std::make_shared<Platter>(mib(4).value));
  rig.put("/hot", text_of(1, 5'000));
  rig.volume->flush();
  for (int i = 0; i < 4'000; ++i) {
    rig.put("/cold/" + std::to_string(i), text_of(i, 5'000));
    if (i % 20 == 0) {
      ASSERT_EQ(rig.get("/hot"), text_of(1, 5'000)) << i;
      rig.volume->flush();
    }
  }
  rig.volume->flush();
  EXPECT_EQ(rig.get("/cold/0"), "");
  EXPECT_EQ(rig.get("/cold/3999"), text_of(3999, 5'000));
  EXPECT_GT(rig.volume->stats().reinserted, 2U);
  EXPECT_GT(rig.volume->stats().objects, 500U);  // 4 MiB of 5 KB each, but for a region or two
}

TEST(DiskVolume, ATornBufferLosesItselfAlone) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  Rig rig(platter);
  rig.put("/before", "before");
  rig.volume->flush();
  platter->tears = 1;
  for (int i = 0; i < 10; ++i) rig.put("/torn/" + std::to_string(i), text_of(i, 4'000));
  rig.volume->flush();
  platter->tears = 0;
  rig.put("/after", "after");
  rig.volume->flush();
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(rig.get("/before"), "before");
    EXPECT_EQ(rig.get("/after"), "after");
    int found = 0;
    for (int i = 0; i < 10; ++i) {
      const std::string body = rig.get("/torn/" + std::to_string(i));
      if (body.empty()) continue;
      EXPECT_EQ(body, text_of(i, 4'000));
      ++found;
    }
    EXPECT_LT(found, 10);
    EXPECT_GT(found, 0);
    rig.volume.reset();
    rig.open();
  }
}

TEST(DiskVolume, AWrongBitIsNeverServed) {
  Rig rig(std::make_shared<Platter>(mib(4).value));
  rig.put("/a", text_of(1, 20'000));
  rig.volume->flush();
  rig.platter->flips = 1;
  EXPECT_EQ(rig.get("/a"), "");
  EXPECT_EQ(rig.volume->stats().corrupt, 1U);
  EXPECT_FALSE(rig.volume->holds(Rig::slot("/a")));
}

TEST(DiskVolume, ADeviceThatCannotBeReadIsGivenUp) {
  Rig rig(std::make_shared<Platter>(mib(4).value));
  for (int i = 0; i < 20; ++i) rig.put("/" + std::to_string(i), "x");
  rig.volume->flush();
  rig.platter->reads_fail = true;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.get("/" + std::to_string(i)), "");
  EXPECT_TRUE(rig.volume->is_failed());
  EXPECT_EQ(rig.volume->stats().read_errors, 8U);
  EXPECT_EQ(rig.volume->stats().index_bytes / 100'000, 0U);
  rig.put("/new", "x");
  rig.volume->flush();
  EXPECT_FALSE(rig.volume->holds(Rig::slot("/new")));
}

TEST(DiskVolume, ADeviceThatWasGivenUpBeginsAnew) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  {
    Rig rig(platter);
    for (int i = 0; i < 20; ++i) rig.put("/" + std::to_string(i), "x");
    rig.volume->flush();
    platter->reads_fail = true;
    for (int i = 0; i < 20; ++i) (void)rig.get("/" + std::to_string(i));
    platter->reads_fail = false;
  }
  Rig after(platter);
  EXPECT_EQ(after.volume->stats().recovered, 0U);
}

TEST(DiskVolume, ADeviceThatCannotBeWrittenIsGivenUpAndAFullOneIsNot) {
  Rig rig(std::make_shared<Platter>(mib(4).value));
  rig.put("/a", "x");
  rig.volume->flush();
  rig.platter->is_full = true;
  rig.put("/b", "x");
  rig.volume->flush();
  EXPECT_FALSE(rig.volume->is_failed());
  EXPECT_EQ(rig.get("/a"), "x");
  EXPECT_EQ(rig.get("/b"), "");
  rig.put("/c", "x");  // at once: not even tried
  EXPECT_GE(rig.volume->stats().dropped, 2U);

  Rig broken(std::make_shared<Platter>(mib(4).value));
  broken.platter->writes_fail = true;
  for (int i = 0; i < 10; ++i) {
    broken.put("/" + std::to_string(i), "x");
    broken.volume->flush();
  }
  EXPECT_TRUE(broken.volume->is_failed());
}

TEST(DiskVolume, WhatIsErasedStaysErasedWhenItsNoteHadToBeWrittenAgain) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  Rig rig(platter);
  rig.put("/a", "x");
  rig.volume->flush();
  platter->writes_fail = true;
  rig.volume->forget(Rig::slot("/a"));
  rig.volume->flush();
  platter->writes_fail = false;
  rig.volume->flush();
  Rig after(crash_copy(*platter));
  EXPECT_EQ(after.get("/a"), "");
}

TEST(DiskVolume, WritesNoMoreThanItsBudget) {
  Rig rig(std::make_shared<Platter>(mib(4).value), 10'000);
  for (int i = 0; i < 100; ++i) rig.put("/" + std::to_string(i), text_of(i, 5'000));
  rig.volume->flush();
  EXPECT_LE(rig.volume->stats().stored, 9U);  // 40,000 at once, and what a moment gives
  EXPECT_GE(rig.volume->stats().stored, 6U);
}

TEST(DiskVolume, APurgeLogThatIsBehindEmptiesIt) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  {
    Rig rig(platter);
    ASSERT_TRUE(rig.purges->apply_next(PurgeKind::kUrl, 1, true));
    rig.put("/a", "x");
    rig.volume->flush();
  }
  Rig lost(platter);  // its purge log knows of nothing
  EXPECT_EQ(lost.volume->stats().recovered, 0U);
  EXPECT_EQ(lost.get("/a"), "");
}

TEST(DiskVolume, AnotherSizeKeepsWhatStillFits) {
  const auto platter = std::make_shared<Platter>(mib(4).value);
  {
    Rig rig(platter);
    for (int i = 0; i < 100; ++i) rig.put("/" + std::to_string(i), text_of(i, 4'000));
    rig.volume->flush();
  }
  platter->bytes.resize(mib(6).value, '\0');
  Rig larger(platter);
  EXPECT_EQ(larger.volume->stats().recovered, 100U);
  EXPECT_EQ(larger.get("/99"), text_of(99, 4'000));
}

TEST(DiskVolume, TooSmallOrForeignPlacesAreRefused) {
  MemoryTier memory{mib(64)};
  const auto purges = *PurgeLog::open({});
  auto small =
      DiskVolume::open(std::make_unique<FaultyDevice>(std::make_shared<Platter>(kib(64).value)), {}, memory, *purges);
  EXPECT_EQ(small.error().code, Code::kInvalid);
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "film", std::string(10'000, 'f')));
  const auto foreign = open_block_device({folder.path() / "film", mib(4), false});
  EXPECT_EQ(foreign.error().code, Code::kInvalid);
  EXPECT_EQ(read_file(folder.path() / "film")->size(), 10'000U);
}

TEST(DiskVolume, AFileIsOpenedByOneProcessAtATimeAndTakesItsSize) {
  const TempFolder folder;
  const DiskPlace place{folder.path() / "deep" / "cache", mib(2), false};
  auto first = open_block_device(place);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((*first)->size(), mib(2).value);
  EXPECT_EQ(open_block_device(place).error().code, Code::kConflict);
  first->reset();
  EXPECT_TRUE(open_block_device(place));
  EXPECT_EQ(parse_disk_place("/x/a:b:2GiB:sparse")->path, "/x/a:b");
  EXPECT_TRUE(parse_disk_place("/x/a:b:2GiB:sparse")->is_sparse);
  EXPECT_FALSE(parse_disk_place("/x/a"));
  EXPECT_FALSE(parse_disk_place(":1GiB"));
  EXPECT_FALSE(parse_disk_place("/x:many"));
}

/// What a slot held, in the order it was put; "" is an erasure.
struct History {
  std::vector<std::string> versions;
  std::size_t durable = 0;     ///< versions that were flushed
  std::set<std::string> ever;  ///< all there were
};

/// Random puts, erasures, flushes, torn writes and crashes: whatever is found is what was put last before the crash, or
/// something later than what was flushed; nothing that was replaced or erased, and flushed, ever comes back.
TEST(DiskVolume, NeverGoesBackBehindWhatWasFlushedWhateverTheCrash) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Random random(seed);
    auto platter = std::make_shared<Platter>((seed % 2 == 0 ? kib(1400) : mib(8)).value);
    std::map<std::string, History> model;
    auto rig = std::make_unique<Rig>(platter);
    for (int step = 0; step < 2'000; ++step) {
      const std::string target = "/" + std::to_string(random.below(120));
      History& history = model[target];
      const auto what = random.below(1000);
      if (what < 600) {
        const std::string body = text_of(random.next(), random.below(6'000) + 1);
        rig->volume->forget(Rig::slot(target));
        rig->put(target, body);
        history.versions.push_back("");
        history.versions.push_back(body);
        history.ever.insert(body);
      } else if (what < 750) {
        rig->volume->forget(Rig::slot(target));
        history.versions.push_back("");
      } else if (what < 940) {
        const std::string found = rig->get(target);
        const std::string expected = history.versions.empty() ? "" : history.versions.back();
        ASSERT_TRUE(found.empty() || found == expected) << seed << " " << step;
      } else if (what < 990) {
        rig->volume->flush();
        for (auto& [name, one] : model) one.durable = one.versions.size();
      } else {
        if (random.below(2) == 0) platter->tears = 1;
        if (random.below(2) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(25));
        platter = crash_copy(*platter);
        // A sector that rots may hold what replaced something older, which then comes back.
        const bool is_rotten = random.below(8) == 0;
        if (is_rotten) platter->bytes.replace(random.below(platter->bytes.size() / 512) * 512, 512, 512, '\x5a');
        rig = std::make_unique<Rig>(platter);
        for (auto& [name, one] : model) {
          const std::string found = rig->get(name);
          bool is_allowed = found.empty() || (is_rotten && one.ever.contains(found));
          for (std::size_t i = one.durable == 0 ? 0 : one.durable - 1; i < one.versions.size() && !is_allowed; ++i) {
            is_allowed = found == one.versions[i];
          }
          ASSERT_TRUE(is_allowed) << seed << " " << step << " " << name;
          one.versions = {found};
          one.durable = 1;
        }
      }
    }
  }
}

}  // namespace
}  // namespace yz::cache
