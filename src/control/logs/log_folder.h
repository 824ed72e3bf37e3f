#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/log_batch.h"
#include "store/database.h"
#include "store/log_store.h"

namespace yz::control {

/// The folder of nodes' batches of access logs: "<node>/<epoch>-<number>.logs" (docs/formats/log-batch.md). There is
/// one for a database: `folder-id` in it and a row of the database carry the same random id, so that an instance whose
/// setting points elsewhere neither stores batches where others do not find them nor hands out half an hour's lines.
/// Any thread; everything waits for the disk.
class LogFolder final {
 public:
  explicit LogFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes what is missing. Fails with kIo, kPermission; a folder that is another one than the database's is said in
  /// the log and by is_ours().
  [[nodiscard]] Status open(store::Database& database, WallTime now);
  /// Whether this is the database's folder; looks again while it is not.
  [[nodiscard]] bool is_ours() const;

  [[nodiscard]] Status put(const store::LogBatchName& batch, std::string_view bytes) const;
  /// Without its frames. Fails with kNotFound when the file is gone, kCorrupt.
  [[nodiscard]] Result<model::LogBatch> head_of(const store::LogBatchName& batch) const;
  /// A file that is gone is removed.
  [[nodiscard]] Status remove(const store::LogBatchName& batch) const;
  /// Gives a part of the file back to the file system; it reads as zeros from then on.
  [[nodiscard]] Status punch(const store::LogBatchName& batch, std::uint64_t offset, std::uint64_t size) const;
  [[nodiscard]] std::filesystem::path file_of(const store::LogBatchName& batch) const;

 private:
  [[nodiscard]] Result<std::string> id_here() const;

  const std::filesystem::path path_;
  std::string wanted_;  // the database's id; set by open()
  mutable std::atomic<bool> is_ours_{false};
};

}  // namespace yz::control
