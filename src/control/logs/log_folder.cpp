#include "control/logs/log_folder.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/file_range.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "model/spool_name.h"
#include "store/secret_store.h"

namespace yz::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIdFile = "folder-id";
constexpr std::string_view kIdName = "log-folder";
constexpr std::uint64_t kMaxId = 256;
constexpr std::string_view kSuffix = ".logs";
constexpr std::uint64_t kHeadGuess = 16'384;  // bytes; most heads are shorter

}  // namespace

/// The folder's id; a fresh one in a folder that had none. Of several that come at once, one wins.
Result<std::string> LogFolder::id_here() const {
  const fs::path file = path_ / kIdFile;
  if (auto id = read_file(file, kMaxId); id || id.error().code != Code::kNotFound) return id;
  const std::string fresh = to_hex(secret_bytes(16)) + "\n";
  const fs::path draft = path_ / fmt::format("{}.{}", kIdFile, to_hex(secret_bytes(4)));
  YZ_CHECK(write_file_atomically(draft, fresh));
  std::error_code error;
  fs::create_hard_link(draft, file, error);
  std::error_code ignored;
  fs::remove(draft, ignored);
  if (error && error != std::errc::file_exists) return fail_errno("cannot make '" + file.native() + "'", error.value());
  return read_file(file, kMaxId);
}

Status LogFolder::open(store::Database& database, WallTime now) {
  YZ_CHECK(make_folder(path_));
  YZ_TRY(const std::string here, id_here());
  YZ_TRY(wanted_, database.write([&](store::Transaction& tx) {
    return store::SecretStore(tx).get_or_put(kIdName, std::string(trim(here)), now);
  }));
  if (!is_ours()) {
    log::error(
        "'{}' is not the folder where this database's access logs lie: no logs are taken and none handed out here "
        "until access_logs.folder names the one whose {} says {}",
        path_.native(), kIdFile, wanted_);
  }
  return {};
}

bool LogFolder::is_ours() const {
  if (is_ours_.load(std::memory_order_relaxed)) return true;
  const auto id = read_file(path_ / kIdFile, kMaxId);
  if (!id || wanted_.empty() || trim(*id) != wanted_) return false;
  is_ours_.store(true, std::memory_order_relaxed);
  return true;
}

fs::path LogFolder::file_of(const store::LogBatchName& batch) const {
  return path_ / to_string(batch.node) / model::file_name(model::SpoolName{batch.epoch, batch.number}, kSuffix);
}

Status LogFolder::put(const store::LogBatchName& batch, std::string_view bytes) const {
  const fs::path file = file_of(batch);
  YZ_CHECK(make_folder(file.parent_path()));
  return write_file_atomically(file, bytes, 0640);
}

Result<model::LogBatch> LogFolder::head_of(const store::LogBatchName& batch) const {
  const fs::path file = file_of(batch);
  YZ_TRY(std::string bytes, read_range(file, 0, kHeadGuess));
  YZ_TRY(const std::uint64_t size,
         model::log_batch_head_size(std::string_view(bytes).substr(0, model::kLogBatchStart)));
  if (size > bytes.size()) {
    YZ_TRY(bytes, read_range(file, 0, size));
  }
  bytes.resize(std::min<std::uint64_t>(bytes.size(), size));
  auto head = model::decode_log_batch_head(bytes);
  if (!head) return fail(head.error().code, fmt::format("'{}': {}", file.native(), head.error().message));
  return head;
}

Status LogFolder::remove(const store::LogBatchName& batch) const {
  std::error_code error;
  fs::remove(file_of(batch), error);
  if (error) return fail_errno(fmt::format("cannot remove '{}'", file_of(batch).native()), error.value());
  return {};
}

Status LogFolder::punch(const store::LogBatchName& batch, std::uint64_t offset, std::uint64_t size) const {
  const fs::path file = file_of(batch);
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("cannot open '{}'", file.native()), errno);
  if (::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(size)) != 0) {
    return fail_errno(fmt::format("cannot make a hole in '{}'", file.native()), errno);
  }
  return {};
}

}  // namespace yz::control
