#include "control/state_folder.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "control/password.h"
#include "control/permission.h"
#include "store/secret_store.h"
#include "store/settings_store.h"
#include "store/token_store.h"
#include "store/user_store.h"

namespace yz::control {
namespace {

constexpr std::uint64_t kMaxSecretFile = 64 * 1024;
constexpr unsigned kSecretMode = 0600;
constexpr std::size_t kClusterKeyBytes = 32;

store::Author system_author(WallTime now) {
  store::Author out;
  out.actor = "system";
  out.at = now;
  return out;
}

/// The first line of a file that the operator wrote; empty when none is named.
Result<std::string> read_secret(const std::filesystem::path& file) {
  if (file.empty()) return "";
  YZ_TRY(const std::string text, read_file(file, kMaxSecretFile));
  return std::string(trim(text));
}

model::Settings first_settings(const std::string& zone) {
  model::Settings out;
  out.cdn_zone = zone;
  out.name_servers = {{"ns1." + zone, {IpAddress::v4(0x7f000001)}}};
  out.hostmaster = "hostmaster." + zone;
  out.cluster_key = to_hex(secret_bytes(kClusterKeyBytes));
  return out;
}

Result<std::optional<std::string>> first_token(store::Transaction& tx, const StateFolder& folder,
                                               const std::string& chosen, const store::Author& author) {
  store::TokenStore tokens(tx);
  store::ApiToken token;
  token.name = "first operator";
  token.role = to_string(Role::kOperator);
  if (!chosen.empty()) {
    if (tokens.authenticate(chosen, author.at)) return std::nullopt;
    YZ_CHECK(tokens.create_with_secret(author, token, chosen));
    return std::nullopt;
  }
  YZ_TRY(const auto existing, tokens.list({0, 1}));
  if (!existing.items.empty()) return std::nullopt;
  YZ_TRY(store::NewToken made, tokens.create(author, token));
  // On disk before it counts: nobody could get in otherwise after a crash here.
  YZ_CHECK(write_file_atomically(folder.token_file(), made.secret + "\n", kSecretMode));
  return std::optional<std::string>(std::move(made.secret));
}

Result<std::optional<std::string>> first_user(store::Transaction& tx, const StateFolder& folder,
                                              const std::string& email, const std::string& chosen,
                                              const store::Author& author) {
  store::UserStore users(tx);
  YZ_TRY(const std::uint64_t count, users.count());
  if (count != 0) return std::nullopt;
  const std::string password = chosen.empty() ? make_password() : chosen;
  store::User user;
  user.email = email;
  user.name = "Administrator";
  user.role = to_string(Role::kAdmin);
  YZ_CHECK(users.create(author, std::move(user), hash_password(password)));
  if (!chosen.empty()) return std::nullopt;
  YZ_CHECK(write_file_atomically(folder.password_file(), password + "\n", kSecretMode));
  return std::optional<std::string>(password);
}

}  // namespace

Result<StateFolder> StateFolder::open(const std::filesystem::path& path, WallTime now) {
  StateFolder out;
  out.path_ = path;
  YZ_CHECK(make_folder(path));
  YZ_CHECK(out.lock());
  YZ_CHECK(out.load_ca(now));
  YZ_CHECK(out.load_instance());
  YZ_CHECK(out.load_seal_key());
  return out;
}

Status StateFolder::lock() {
  const std::string file = (path_ / "lock").string();
  lock_ = UniqueFd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) return fail_errno(file, errno);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kConflict, "another yz-control uses the state folder " + path_.string());
  }
  return {};
}

Status StateFolder::load_ca(WallTime now) {
  const std::filesystem::path key_file = path_ / "ca.key";
  const std::filesystem::path certificate_file = path_ / "ca.pem";
  auto key = read_file(key_file, kMaxSecretFile);
  if (!key && key.error().code == Code::kNotFound) {
    YZ_TRY(ca_, rpc::make_ca("Yizhan node CA", now));
    is_ca_new_ = true;
    return {};
  }
  if (!key) return fail(std::move(key).error());
  ca_.key_pem = *std::move(key);
  YZ_TRY(ca_.certificate_pem, read_file(certificate_file, kMaxSecretFile));
  if (auto fits = rpc::verify_pair(ca_, ca_.certificate_pem); !fits) {
    return fail(Code::kCorrupt, "ca.key and ca.pem in " + path_.string() + " do not belong together");
  }
  return {};
}

/// The certificate first: a key without it would be missed, a certificate without its key is written over.
Status StateFolder::save_ca() const {
  YZ_CHECK(write_file_atomically(path_ / "ca.pem", ca_.certificate_pem));
  return write_file_atomically(path_ / "ca.key", ca_.key_pem, kSecretMode);
}

Status StateFolder::settle_ca(store::Database& database, WallTime now) {
  const std::string ours = ca_.certificate_pem + ca_.key_pem;
  YZ_TRY(const std::string shared, database.write([&](store::Transaction& tx) {
    return store::SecretStore(tx).get_or_put("node-ca", ours, now);
  }));
  if (shared != ours) {
    if (!is_ca_new_) {
      return fail(Code::kConflict, "the CA in " + path_.string() +
                                       " is another than the one the nodes of this database trust: remove ca.pem and "
                                       "ca.key to take that one over");
    }
    const std::size_t end = shared.rfind("-----BEGIN ");
    ca_ = {};
    ca_.certificate_pem = shared.substr(0, end);
    ca_.key_pem = shared.substr(end);
  }
  if (!std::exchange(is_ca_new_, false)) return {};
  return save_ca();
}

Status StateFolder::load_instance() {
  const std::filesystem::path file = path_ / "instance";
  auto name = read_file(file, kMaxSecretFile);
  if (name) {
    instance_ = std::string(trim(*name));
    if (!instance_.empty()) return {};
  } else if (name.error().code != Code::kNotFound) {
    return fail(std::move(name).error());
  }
  instance_ = "control-" + to_hex(secret_bytes(6));
  return write_file_atomically(file, instance_ + "\n");
}

Status StateFolder::load_seal_key() {
  const std::filesystem::path file = path_ / "seal.key";
  const auto text = read_file(file, kMaxSecretFile);
  if (!text && text.error().code == Code::kNotFound) {
    seal_key_ = secret_bytes(store::Sealer::kKeyBytes);
    return write_file_atomically(file, to_hex(seal_key_) + "\n", kSecretMode);
  }
  if (!text) return fail(text.error());
  auto key = from_hex(trim(*text));
  if (!key || key->size() != store::Sealer::kKeyBytes) {
    return fail(Code::kCorrupt, file.string() + ": expected 64 hexadecimal digits");
  }
  seal_key_ = *std::move(key);
  return {};
}

Result<FirstSecrets> bootstrap(store::Database& database, const StateFolder& folder, const ControlSettings& settings,
                               WallTime now) {
  YZ_TRY(const std::string token, read_secret(settings.bootstrap_token_file));
  YZ_TRY(const std::string password, read_secret(settings.admin_password_file));
  if (!password.empty()) {
    if (auto fits = check_password(password); !fits) {
      return fail(std::move(fits).error().with_context(settings.admin_password_file.string()));
    }
  }
  const store::Author author = system_author(now);
  const auto begin = [&](store::Transaction& tx) -> Result<FirstSecrets> {
    store::SettingsStore store(tx);
    YZ_TRY(const auto present, store.get());
    if (!present) {
      YZ_CHECK(store.put(author, first_settings(settings.cdn_zone)));
    }
    FirstSecrets out;
    YZ_TRY(out.token, first_token(tx, folder, token, author));
    YZ_TRY(out.password, first_user(tx, folder, settings.admin_email, password, author));
    return out;
  };
  auto done = database.write(begin);
  // Of two instances that begin at once one comes second, and finds everything there.
  if (!done && done.error().code == Code::kAlreadyExists) done = database.write(begin);
  return done;
}

}  // namespace yz::control
