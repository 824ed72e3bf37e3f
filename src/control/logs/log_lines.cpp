#include "control/logs/log_lines.h"

#include <algorithm>
#include <memory>

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fd.h"

namespace yz::control {
namespace {

constexpr std::size_t kReadSize = 128 * 1024;
constexpr std::size_t kMostOfALine = 64 * 1024;

/// Cuts text that comes in pieces into lines, and lines into columns.
class LineCutter {
 public:
  explicit LineCutter(const std::function<void(const LogColumns&)>& take) : take_(take) {}

  Status add(std::string_view text) {
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      if (rest_.empty()) {
        cut(text.substr(0, end));
      } else {
        rest_ += text.substr(0, end);
        cut(rest_);
        rest_.clear();
      }
      text.remove_prefix(end + 1);
    }
    rest_ += text;
    if (rest_.size() > kMostOfALine) return fail(Code::kLimit, "a line of the access log has no end");
    return {};
  }

 private:
  void cut(std::string_view line) const {
    LogColumns columns;
    std::size_t count = 0;
    for (;; ++count) {
      const auto tab = line.find('\t');
      if (count == columns.size()) return;
      columns[count] = line.substr(0, tab);
      if (tab == std::string_view::npos) break;
      line.remove_prefix(tab + 1);
    }
    if (count + 1 == columns.size()) take_(columns);
  }

  const std::function<void(const LogColumns&)>& take_;
  std::string rest_;
};

struct Context {
  Context() : zstd(ZSTD_createDCtx(), ZSTD_freeDCtx) {}
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> zstd;
  std::string in = std::string(kReadSize, '\0');
  std::string out = std::string(kReadSize, '\0');
};

Status decompress(Context& context, std::string_view bytes, LineCutter& cutter) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (bool has_more = true; has_more;) {
    ZSTD_outBuffer out{context.out.data(), context.out.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context.zstd.get(), &out, &in)) != 0) {
      return fail(Code::kCorrupt, "a part of the access log cannot be read");
    }
    YZ_CHECK(cutter.add(std::string_view(context.out.data(), out.pos)));
    has_more = in.pos < in.size || out.pos == out.size;
  }
  return {};
}

Status read_part(Context& context, const FilePart& part, LineCutter& cutter) {
  const UniqueFd file(::open(part.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno("cannot open " + part.file.string(), errno);
  for (std::uint64_t at = 0; at < part.size;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(context.in.size(), part.size - at));
    const ssize_t got = ::pread(file.get(), context.in.data(), size, static_cast<off_t>(part.offset + at));
    if (got < 0) return fail_errno("cannot read " + part.file.string(), errno);
    if (got == 0) return fail(Code::kCorrupt, part.file.string() + " is shorter than it was");
    YZ_CHECK(decompress(context, std::string_view(context.in.data(), static_cast<std::size_t>(got)), cutter));
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace

Status for_each_line(std::span<const FilePart> parts, const std::function<void(const LogColumns&)>& take) {
  Context context;
  for (const FilePart& part : parts) {
    LineCutter cutter(take);
    ZSTD_DCtx_reset(context.zstd.get(), ZSTD_reset_session_only);
    YZ_CHECK(read_part(context, part, cutter));
  }
  return {};
}

}  // namespace yz::control
