#include "edge/tls/ocsp_keeper.h"

#include <openssl/ocsp.h>

#include "base/file.h"
#include "edge/testing.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"
#include "net/ocsp.h"
#include "net/openssl.h"
#include "net/tls_test_support.h"

namespace yz::edge::testing {
namespace {

std::string pem_of(const std::function<void(BIO*)>& write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// An authority with a responder that says what it is told to say.
class Authority {
 public:
  Authority() : key_(EVP_EC_gen("P-256")), certificate_(make("the authority", key_.get(), nullptr)) {
    extend(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
  }

  [[nodiscard]] net::testing::TestCertificate issue(const std::string& name, const std::string& responder) const {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const X509Ptr leaf = make(name, key.get(), certificate_.get());
    extend(leaf.get(), NID_subject_alt_name, "DNS:" + name);
    if (!responder.empty()) extend(leaf.get(), NID_info_access, "OCSP;URI:" + responder);
    X509_sign(leaf.get(), key_.get(), EVP_sha256());
    return {pem_of([&](BIO* bio) {
              PEM_write_bio_X509(bio, leaf.get());
              PEM_write_bio_X509(bio, certificate_.get());
            }),
            pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
  }

  /// The answer to a question in DER; `life` in seconds from now to nextUpdate.
  [[nodiscard]] std::string answer(std::string_view question, int status, long life = 3600) const {
    const auto* at = reinterpret_cast<const unsigned char*>(question.data());
    OCSP_REQUEST* request = d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(question.size()));
    if (request == nullptr) return "";
    OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
    ASN1_TIME* since = X509_gmtime_adj(nullptr, -7200);
    ASN1_TIME* until = X509_gmtime_adj(nullptr, life);
    OCSP_CERTID* id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
    OCSP_basic_add1_status(basic, id, status, 0, status == V_OCSP_CERTSTATUS_REVOKED ? since : nullptr, since, until);
    OCSP_basic_sign(basic, certificate_.get(), key_.get(), EVP_sha256(), nullptr, 0);
    OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    ASN1_TIME_free(since);
    ASN1_TIME_free(until);
    OCSP_BASICRESP_free(basic);
    OCSP_REQUEST_free(request);
    return out;
  }

 private:
  static X509Ptr make(const std::string& name, EVP_PKEY* key, const X509* issuer) {
    X509Ptr made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer == nullptr ? made.get() : issuer));
    return made;
  }
  KeyPtr key_;
  X509Ptr certificate_;
};

std::shared_ptr<const net::TlsCertificate> load(const net::testing::TestCertificate& pem) {
  return net::TlsCertificate::load(pem.chain_pem, pem.key_pem).value();
}

TEST(OcspResponse, IsTakenOnlyWhenSignedForThisCertificateInTimeAndGood) {
  const Authority authority;
  const Authority stranger;
  const auto now = SystemClock::instance().wall();
  const auto leaf = load(authority.issue("www.a.com", "http://ocsp.example/"));
  const auto question = net::ocsp_question(*leaf);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->url, "http://ocsp.example/");
  const auto check = [&](const std::string& response) { return net::check_ocsp_response(*leaf, response, now); };
  const auto good = check(authority.answer(question->request, V_OCSP_CERTSTATUS_GOOD));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_NEAR(static_cast<double>((good->until - now).count()), 3.6e6, 1e4);
  const std::string revoked = authority.answer(question->request, V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_EQ(check(revoked).error().code, Code::kPermission);
  EXPECT_FALSE(check(authority.answer(question->request, V_OCSP_CERTSTATUS_UNKNOWN)));
  EXPECT_FALSE(check(authority.answer(question->request, V_OCSP_CERTSTATUS_GOOD, -3600)));
  EXPECT_FALSE(check(stranger.answer(question->request, V_OCSP_CERTSTATUS_GOOD)));
  std::string damaged = authority.answer(question->request, V_OCSP_CERTSTATUS_GOOD);
  damaged[100] ^= 1;  // inside what is signed; the certificate that is sent along may be damaged
  EXPECT_FALSE(check(damaged));
  EXPECT_FALSE(check(""));
  EXPECT_FALSE(check("nonsense"));
  EXPECT_FALSE(net::ocsp_question(*load(authority.issue("www.a.com", ""))));
  EXPECT_FALSE(net::ocsp_question(*load(net::testing::make_certificate("DNS:self"))));
}

class OcspKeeperTest : public ::testing::Test {
 protected:
  OcspKeeperTest()
      : responder_([this](net::Exchange& exchange) -> io::Task<void> {
          const auto question = co_await exchange.read_body_all(1 << 16);
          std::string answer = authority_.answer(question.value_or(""), status_);
          (void)co_await exchange.respond_text(200, "application/ocsp-response", std::move(answer));
        }) {}

  std::unique_ptr<EdgeServer> start(OcspPolicy policy) {
    model::ConfigSnapshot config = model::sample_snapshot();
    const auto pem = authority_.issue("www.a.com", "http://" + to_string(responder_.endpoint()) + "/ocsp");
    config.put(model::Certificate{{1}, {1}, "c", {"www.a.com"}, pem.chain_pem, pem.key_pem, {}}, {1});
    Options options;
    options.listen = {net::testing::kAnyLoopback};
    options.tls_listen = {net::testing::kAnyLoopback};
    options.admin = (folder_.path() / "admin").string();
    options.node = {1};
    options.memory = mib(32);
    options.ocsp = policy;
    auto edge = start_edge(std::move(options));
    EXPECT_TRUE(edge->apply_snapshot(model::encode(config)));
    return edge;
  }
  static std::string staple(EdgeServer& edge) {
    return net::testing::probe(edge.listening_tls()[0],
                               {.server_name = "www.a.com", .asks_status = true, .request = ""})
        .staple;
  }

  TempFolder folder_;
  Authority authority_;
  std::atomic<int> status_{V_OCSP_CERTSTATUS_GOOD};
  FakeOrigin responder_;
};

TEST_F(OcspKeeperTest, TheAnswerOfTheResponderIsStapledOnceItIsThere) {
  const auto edge = start(OcspPolicy::kAny);
  EXPECT_EQ(staple(*edge), "");  // the first handshake is not made to wait
  EXPECT_TRUE(eventually([&] { return !staple(*edge).empty(); }));
  EXPECT_EQ(responder_.count("POST /ocsp"), 1);
}

TEST_F(OcspKeeperTest, ARevokedCertificateIsShownWithoutAnAnswer) {
  status_ = V_OCSP_CERTSTATUS_REVOKED;
  const auto edge = start(OcspPolicy::kAny);
  EXPECT_EQ(staple(*edge), "");
  EXPECT_TRUE(eventually([&] { return responder_.count("POST /ocsp") == 1; }));
  EXPECT_EQ(staple(*edge), "");
}

TEST_F(OcspKeeperTest, RespondersInsideTheNetworkAreNotAskedUnlessThatIsWanted) {
  const auto edge = start(OcspPolicy::kPublic);
  EXPECT_EQ(staple(*edge), "");
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // one look of the keeper
  EXPECT_EQ(responder_.count("POST /ocsp"), 0);
}

}  // namespace
}  // namespace yz::edge::testing
