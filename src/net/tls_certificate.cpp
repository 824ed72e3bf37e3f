#include "net/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "net/tls_parts.h"

namespace yz::net {

namespace {

/// A protected key must not make the program ask on its terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

Result<std::unique_ptr<const TlsCertificate::Parts>> read_parts(std::string_view chain_pem, std::string_view key_pem) {
  auto parts = std::make_unique<TlsCertificate::Parts>();
  ERR_clear_error();
  const BioPtr chain_bio = memory_bio(chain_pem);
  parts->leaf.reset(PEM_read_bio_X509(chain_bio.get(), nullptr, no_passphrase, nullptr));
  if (!parts->leaf) return fail(Code::kInvalid, "certificate: " + take_openssl_error());
  parts->chain.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(chain_bio.get(), nullptr, no_passphrase, nullptr)) {
    sk_X509_push(parts->chain.get(), next);
  }
  ERR_clear_error();  // the end of the text counts as an error
  const BioPtr key_bio = memory_bio(key_pem);
  parts->key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_passphrase, nullptr));
  if (!parts->key) return fail(Code::kInvalid, "private key: " + take_openssl_error());
  if (X509_check_private_key(parts->leaf.get(), parts->key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "the private key does not belong to the certificate");
  }
  return std::unique_ptr<const TlsCertificate::Parts>(std::move(parts));
}

}  // namespace

std::atomic<std::uint32_t>& prepared_count() {
  static std::atomic<std::uint32_t> count{0};
  return count;
}

TlsCertificate::Parts::~Parts() {
  SSL_CTX* context = prepared.load();
  if (context == nullptr) return;
  SSL_CTX_free(context);  // connections that use it hold it
  --prepared_count();
}

TlsCertificate::TlsCertificate(std::shared_ptr<const void> owner, std::string_view chain_pem, std::string_view key_pem)
    : owner_(std::move(owner)), chain_pem_(chain_pem), key_pem_(key_pem) {}

TlsCertificate::~TlsCertificate() = default;

Result<std::shared_ptr<const TlsCertificate>> TlsCertificate::load(std::string_view chain_pem,
                                                                   std::string_view key_pem) {
  auto texts = std::make_shared<const std::pair<std::string, std::string>>(chain_pem, key_pem);
  auto made = lazily(texts, texts->first, texts->second);
  YZ_CHECK(made->check());
  return made;
}

std::shared_ptr<const TlsCertificate> TlsCertificate::lazily(std::shared_ptr<const void> owner,
                                                             std::string_view chain_pem, std::string_view key_pem) {
  return std::shared_ptr<const TlsCertificate>(new TlsCertificate(std::move(owner), chain_pem, key_pem));
}

void TlsCertificate::read() const {
  std::call_once(read_once_, [this] {
    auto read = read_parts(chain_pem_, key_pem_);
    if (read) {
      parts_ = *std::move(read);
    } else {
      problem_ = read.error().message;
    }
    is_loaded_.store(true, std::memory_order_release);
  });
}

const TlsCertificate::Parts* TlsCertificate::parts() const {
  if (!is_loaded()) read();
  return parts_.get();
}

Status TlsCertificate::check() const {
  if (parts() == nullptr) return fail(Code::kInvalid, problem_);
  return {};
}

void TlsCertificate::set_staple(std::string response, WallTime until) const {
  auto held = response.empty() ? nullptr : std::make_shared<const std::string>(std::move(response));
  const std::lock_guard lock(staple_mutex_);
  staple_ = std::move(held);
  staple_until_ = until;
}

std::shared_ptr<const std::string> TlsCertificate::staple(WallTime now) const {
  const std::lock_guard lock(staple_mutex_);
  return now < staple_until_ ? staple_ : nullptr;
}

}  // namespace yz::net
