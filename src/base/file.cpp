#include "base/file.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/fd.h"

namespace yz {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path, std::uint64_t max_size) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("cannot open '{}'", path.native()), errno);
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("cannot read '{}'", path.native()), errno);
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > max_size) {
      return fail(Code::kLimit, fmt::format("'{}' is larger than {} bytes", path.native(), max_size));
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

namespace {

Status write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(fmt::format("cannot write '{}'", path.native()), errno);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Status write_file_atomically(const fs::path& path, std::string_view content, unsigned mode) {
  std::string beside = path.native() + ".XXXXXX";
  const UniqueFd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("cannot create a file beside '{}'", path.native()), errno);
  const auto give_up = [&](Status status) {
    ::unlink(beside.c_str());
    return status;
  };
  if (auto written = write_all(fd.get(), content, path); !written) return give_up(written);
  if (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0 || ::rename(beside.c_str(), path.c_str()) != 0) {
    return give_up(fail_errno(fmt::format("cannot replace '{}'", path.native()), errno));
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd || ::fsync(folder_fd.get()) != 0) {
    return fail_errno(fmt::format("cannot sync the folder '{}'", folder.native()), errno);
  }
  return {};
}

Status make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail_errno(fmt::format("cannot create the folder '{}'", path.native()), error.value());
  return {};
}

TempFolder::TempFolder(std::string_view prefix) {
  std::string pattern = (fs::temp_directory_path() / fmt::format("{}-XXXXXX", prefix)).native();
  YZ_ASSERT(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace yz
