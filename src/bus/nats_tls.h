#pragma once

#include <filesystem>

namespace yz::bus {

/// The setting `bus_tls`: whom a `tls://` bus trusts, and who we are to it. PEM files, read when the bus is opened.
struct NatsTls {
  std::filesystem::path ca_file;           ///< authorities to trust besides the system's; empty: those alone
  std::filesystem::path certificate_file;  ///< ours, with its chain; empty: none is shown
  std::filesystem::path key_file;          ///< the certificate's, unencrypted

  [[nodiscard]] bool is_set() const { return !(ca_file.empty() && certificate_file.empty() && key_file.empty()); }
};

}  // namespace yz::bus
