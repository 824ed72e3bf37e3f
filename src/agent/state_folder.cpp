#include "agent/state_folder.h"

#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "model/codec.h"

namespace yz::agent {
namespace {

constexpr unsigned kSecretMode = 0600;

}  // namespace

Result<StateFolder> StateFolder::open(std::filesystem::path folder) {
  std::error_code error;
  folder = std::filesystem::absolute(folder, error);
  for (const auto& path : {folder, folder / "edge", folder / "edge" / "usage"}) YZ_CHECK(make_folder(path));
  if (::chmod(folder.c_str(), 0700) != 0) return fail_errno("chmod " + folder.string(), errno);
  UniqueFd lock(::open((folder / "lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, kSecretMode));
  if (!lock) return fail_errno("open " + (folder / "lock").string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable, "another agent uses " + folder.string() + ": stop it, or give another --state");
  }
  return StateFolder(std::move(folder), std::move(lock));
}

std::optional<model::ConfigSnapshot> StateFolder::load_config() const {
  const auto bytes = read_file(folder_ / "config.snapshot");
  if (!bytes) {
    if (bytes.error().code != Code::kNotFound) log::warn("stored configuration: {}", bytes.error().message);
    return std::nullopt;
  }
  auto snapshot = model::decode_snapshot(*bytes);
  if (!snapshot) {
    log::warn("stored configuration is unusable, control's will be taken: {}", snapshot.error().message);
    return std::nullopt;
  }
  return *std::move(snapshot);
}

Status StateFolder::save_config(std::string_view encoded) const {
  return write_file_atomically(folder_ / "config.snapshot", encoded, kSecretMode);
}

model::PurgeSeq StateFolder::load_purge_position() const {
  const auto text = read_file(folder_ / "purge.position");
  return model::PurgeSeq{text ? parse_u64(trim(*text)).value_or(0) : 0};
}

Status StateFolder::save_purge_position(model::PurgeSeq position) const {
  return write_file_atomically(folder_ / "purge.position", to_string(position) + "\n", kSecretMode);
}

}  // namespace yz::agent
