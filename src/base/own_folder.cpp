#include "base/own_folder.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"

namespace yz {

Result<UniqueFd> own_folder(const std::filesystem::path& folder, std::string_view who) {
  YZ_CHECK(make_folder(folder));
  if (::chmod(folder.c_str(), 0700) != 0) return fail_errno("chmod " + folder.string(), errno);
  UniqueFd lock(::open((folder / "lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!lock) return fail_errno("open " + (folder / "lock").string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable,
                "another " + std::string(who) + " uses " + folder.string() + ": stop it, or give another --state");
  }
  return lock;
}

}  // namespace yz
