#include "edge/correction_book.h"

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

const sched::ClientClass kBeijing = sched::class_of({geo::kChina, geo::Province::kBeijing, geo::Isp::kUnicom, 0});

TEST(CorrectionBook, SumsEqualKindsAndForgetsWhatWasTaken) {
  CorrectionBook book;
  book.add(model::DomainId{1}, kBeijing, model::NodeId{7});
  book.add(model::DomainId{1}, kBeijing, model::NodeId{7});
  book.add(model::DomainId{2}, kBeijing, model::NodeId{7});
  const auto entries = book.take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].count, 2U);
  EXPECT_EQ(entries[0].client_class, sched::to_string(kBeijing));
  EXPECT_EQ(entries[0].to, model::NodeId{7});
  EXPECT_TRUE(book.take().empty());
}

TEST(CorrectionBook, KeepsABoundedNumberOfKinds) {
  CorrectionBook book;
  for (std::uint64_t i = 1; i <= CorrectionBook::kMostKinds + 10; ++i) {
    book.add(model::DomainId{i}, kBeijing, model::NodeId{7});
  }
  EXPECT_EQ(book.take().size(), CorrectionBook::kMostKinds);
}

}  // namespace
}  // namespace yz::edge
