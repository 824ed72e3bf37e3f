#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/server_for_test.h"

namespace yz::store {

/// A real MariaDB server in its own temporary folder, reachable by a unix socket only; ended with its object. Tests
/// only.
class MariadbServer final {
 public:
  /// Fails with kNotFound, naming the Debian package, when mariadbd is not installed.
  [[nodiscard]] static Result<std::unique_ptr<MariadbServer>> start();
  ~MariadbServer();

  /// `mysql://…` of a database on it.
  [[nodiscard]] std::string url(const std::string& database) const;
  /// Makes an empty database.
  Status create_database(const std::string& name);
  Status drop_database(const std::string& name);
  /// Stops the server and starts it again on the same data.
  Status restart();
  void stop() { process_.stop(); }

 private:
  MariadbServer();
  Status launch();
  Status administer(const std::string& sql);

  std::filesystem::path folder_;
  ServerForTest process_;
};

}  // namespace yz::store
