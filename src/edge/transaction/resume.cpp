#include "edge/transaction/resume.h"

#include <algorithm>

#include "edge/edge_server.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/slice_run.h"
#include "http/part.h"
#include "io/reactor.h"

namespace yz::edge {
namespace {

constexpr int kMostAttempts = 3;
constexpr std::chrono::milliseconds kPause{50};
constexpr std::size_t kScratch = 64 * 1024;

io::Task<Status> skip(Answer& answer, std::uint64_t left) {
  const auto scratch = std::make_unique_for_overwrite<char[]>(kScratch);
  FairShare share;
  while (left > 0) {
    const std::span<char> into(scratch.get(), static_cast<std::size_t>(std::min<std::uint64_t>(left, kScratch)));
    const auto size = co_await answer.response.read(into);
    if (!size) co_return fail(size.error());
    if (*size == 0) co_return fail(Code::kUnavailable, "the origin ended the body early", Fault::kOrigin);
    left -= *size;
    if (share.is_used_up(*size)) co_await io::yield();
  }
  co_return Status();
}

}  // namespace

io::Task<Result<Answer>> ask_for_rest(Worker& worker, std::shared_ptr<const ConfigPtr> held, const Site& site,
                                      Forwarded request, http::StrongValidator version, std::uint64_t total,
                                      std::uint64_t at) {
  const http::ByteRange rest{at, total - 1};
  Error last{Code::kUnavailable, Fault::kOrigin, true, "the origin gives no rest of a body that broke off"};
  ask_for_part(request, version, rest, 0);
  for (int attempt = 1; attempt <= kMostAttempts; ++attempt) {
    co_await io::sleep_for(kPause * attempt);
    auto answer = co_await send_upstream(worker, held, site, request);
    if (!answer) {
      last = std::move(answer).error();
      continue;
    }
    const auto done = [&] {
      worker.server().counters().resumed.add();
      return std::move(*answer);
    };
    const http::Part part = http::judge_part(answer->response.head(), version, total, rest);
    if (part.verdict == http::PartVerdict::kPart) co_return done();
    if (part.verdict == http::PartVerdict::kChanged) {
      co_return fail(Code::kConflict, "the object changed at its origin while it was being fetched", Fault::kOrigin);
    }
    if (part.verdict != http::PartVerdict::kWhole) continue;
    const Status skipped = co_await skip(*answer, at);
    if (skipped) co_return done();
    last = skipped.error();
  }
  co_return fail(std::move(last));
}

}  // namespace yz::edge
