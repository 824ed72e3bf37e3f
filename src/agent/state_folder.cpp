#include "agent/state_folder.h"

#include <string>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/own_folder.h"
#include "base/text.h"
#include "model/codec.h"

namespace yz::agent {
namespace {

constexpr unsigned kSecretMode = 0600;

}  // namespace

Result<StateFolder> StateFolder::open(std::filesystem::path folder) {
  std::error_code error;
  folder = std::filesystem::absolute(folder, error);
  YZ_TRY(UniqueFd lock, own_folder(folder, "agent"));
  for (const auto& path : {folder / "edge", folder / "edge" / "usage"}) YZ_CHECK(make_folder(path));
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
