#include "edge/access_log.h"

#include <algorithm>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/transaction/transaction.h"

namespace yz::edge {
namespace {

constexpr std::size_t kHandOver = 64 * 1024;
constexpr std::size_t kMostPending = 64 << 20;
constexpr std::array<const char*, 6> kResultNames = {"none", "hit", "miss", "revalidated", "stale", "bypass"};

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) return;  // a full disk loses lines, not requests
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void append_text_field(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":\"");
  append_json_text(out, text);
  out.push_back('"');
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (b < 0x20 || b >= 0x7f) {
      out.append("\\u00");
      out.push_back(kHex[b >> 4]);
      out.push_back(kHex[b & 15]);
    } else {
      out.push_back(c);
    }
  }
}

Status AccessLog::open(const std::string& path) {
  const int fd =
      path == "-" ? ::dup(STDOUT_FILENO) : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno(path, errno);
  file_ = UniqueFd(fd);
  writer_ = std::thread([this] { run(); });
  return {};
}

AccessLog::~AccessLog() {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  has_lines_.notify_one();
  writer_.join();
}

void AccessLog::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    has_lines_.wait(lock, [this] { return is_stopping_ || !pending_.empty(); });
    if (pending_.empty()) return;
    const std::string lines = std::exchange(pending_, {});
    lock.unlock();
    write_all(file_.get(), lines);
    lock.lock();
  }
}

void AccessLog::append(std::string lines) {
  if (lines.empty() || !is_enabled()) return;
  {
    const std::lock_guard lock(mutex_);
    if (pending_.size() + lines.size() > kMostPending) {
      dropped_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
      return;
    }
    pending_ += lines;
  }
  has_lines_.notify_one();
}

std::uint64_t AccessLog::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void AccessLog::add(Transaction& tx, int status, std::uint64_t duration_us) {
  std::string& out = tx.worker.log_lines();
  fmt::format_to(std::back_inserter(out),
                 "{{\"time\":\"{}\",\"client\":\"{}\",\"status\":{},\"us\":{},\"in\":{},\"out\":{}",
                 format_rfc3339(tx.worker.reactor().wall_now()), to_string(tx.client), status, duration_us,
                 tx.exchange.bytes_in(), tx.exchange.bytes_out());
  append_text_field(out, "method", tx.request().method_text);
  append_text_field(out, "host", tx.request().host);
  append_text_field(out, "target", tx.request().target);
  append_text_field(out, "cache", kResultNames[static_cast<std::size_t>(tx.result)]);
  if (!tx.upstream.empty()) append_text_field(out, "upstream", tx.upstream);
  if (!tx.status.detail.empty()) append_text_field(out, "detail", tx.status.detail);
  if (tx.peer) fmt::format_to(std::back_inserter(out), ",\"peer\":{}", tx.peer.value);
  if (const auto agent = tx.request().fields.value(http::FieldId::kUserAgent)) append_text_field(out, "agent", *agent);
  if (const auto referer = tx.request().fields.value(http::FieldId::kReferer))
    append_text_field(out, "referer", *referer);
  out.append("}\n");
  if (out.size() >= kHandOver) append(std::exchange(out, {}));
}

}  // namespace yz::edge
