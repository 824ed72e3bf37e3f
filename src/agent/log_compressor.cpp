#include "agent/log_compressor.h"

#include <algorithm>
#include <memory>
#include <tuple>

#include <zstd.h>

#include "base/freed.h"

namespace yz::agent {
namespace {

constexpr int kLevel = 3;

Status append_frame(ZSTD_CCtx& context, std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + ZSTD_compressBound(text.size()));
  const std::size_t size = ZSTD_compress2(&context, out.data() + before, out.size() - before, text.data(), text.size());
  if (ZSTD_isError(size) != 0) return fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(before + size);
  return {};
}

}  // namespace

Result<CompressedLogs> compress_logs(std::vector<model::AccessRecord> records, model::NodeId node) {
  const auto key = [](const model::AccessRecord& r) { return std::tuple(model::hour_of(r.ended), r.domain, r.ended); };
  std::ranges::sort(records, {}, key);
  const std::unique_ptr<ZSTD_CCtx, Freed<ZSTD_freeCCtx>> context(ZSTD_createCCtx());
  if (!context) return fail(Code::kInternal, "zstd: no memory");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  CompressedLogs out;
  std::string text;
  for (std::size_t i = 0; i < records.size();) {
    const std::uint32_t hour = model::hour_of(records[i].ended);
    const model::DomainId domain = records[i].domain;
    text.clear();
    std::uint64_t lines = 0;
    for (; i < records.size() && model::hour_of(records[i].ended) == hour && records[i].domain == domain; ++i) {
      model::append_line(text, records[i], node);
      ++lines;
    }
    const std::size_t before = out.frames.size();
    YZ_CHECK(append_frame(*context, text, out.frames));
    out.slices.push_back({hour, domain, lines, text.size(), out.frames.size() - before});
  }
  return out;
}

}  // namespace yz::agent
