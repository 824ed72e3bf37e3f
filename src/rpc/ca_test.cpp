#include "rpc/ca.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

const WallTime kNow = SystemClock::instance().wall();

TEST(Ca, SignsARequestForTheNodeItIsToldAndNoOther) {
  const KeyPair ca = make_ca("test", kNow).value();
  const KeyAndRequest own = make_key_and_request().value();
  const std::string certificate =
      sign_request(ca, own.request_pem, model::NodeId{42}, kNow, std::chrono::hours(72)).value();
  const PeerIdentity identity = identity_of(certificate).value();
  EXPECT_EQ(identity.node.value, 42u);
  EXPECT_LE(identity.not_before, kNow);
  EXPECT_LE(identity.not_after, kNow + std::chrono::hours(72));
  EXPECT_GT(identity.not_after, kNow + std::chrono::hours(71));
  EXPECT_TRUE(verify_pair({own.key_pem, certificate}, ca.certificate_pem));
}

TEST(Ca, APairIsRefusedUnderAnotherCaOrWithAnotherKey) {
  const KeyPair ca = make_ca("test", kNow).value();
  const KeyPair other = make_ca("test", kNow).value();
  const KeyAndRequest own = make_key_and_request().value();
  const std::string certificate =
      sign_request(ca, own.request_pem, model::NodeId{1}, kNow, std::chrono::hours(1)).value();
  EXPECT_EQ(verify_pair({own.key_pem, certificate}, other.certificate_pem).error().code, Code::kConflict);
  EXPECT_EQ(verify_pair({other.key_pem, certificate}, ca.certificate_pem).error().code, Code::kConflict);
}

TEST(Ca, WhatIsNoRequestIsRefused) {
  const KeyPair ca = make_ca("test", kNow).value();
  std::string tampered = make_key_and_request().value().request_pem;
  const auto middle = tampered.size() / 2;
  tampered[middle] = tampered[middle] == 'A' ? 'B' : 'A';
  for (const std::string& bad : {std::string(), std::string("hello"), ca.certificate_pem, tampered}) {
    const auto signed_pem = sign_request(ca, bad, model::NodeId{1}, kNow, std::chrono::hours(1));
    ASSERT_FALSE(signed_pem);
    EXPECT_EQ(signed_pem.error().code, Code::kInvalid);
  }
}

TEST(Ca, AServerCertificateNamesNoNodeAndCarriesItsCa) {
  const KeyPair ca = make_ca("test", kNow).value();
  const KeyPair server = make_server_certificate(ca, kNow, std::chrono::hours(24)).value();
  EXPECT_TRUE(verify_pair(server, ca.certificate_pem));
  EXPECT_TRUE(server.certificate_pem.ends_with(ca.certificate_pem));
  EXPECT_EQ(identity_of(server.certificate_pem).error().code, Code::kPermission);
}

TEST(Ca, JoinTokensReadBackAndPinTheCa) {
  const KeyPair ca = make_ca("test", kNow).value();
  const JoinToken token = make_join_token(ca.certificate_pem).value();
  const JoinToken read = parse_join_token(" " + token.text + "\n").value();
  EXPECT_EQ(read.text, token.text);
  EXPECT_EQ(read.secret, token.secret);
  EXPECT_TRUE(certificate_fingerprint(ca.certificate_pem).value().starts_with(read.ca_fingerprint));
  EXPECT_NE(make_join_token(ca.certificate_pem).value().secret, token.secret);
}

TEST(Ca, MalformedJoinTokensAreRefusedWithoutRepeatingThem) {
  const std::string good = "yzj-" + std::string(48, 'a') + "-" + std::string(32, 'b');
  ASSERT_TRUE(parse_join_token(good));
  for (const std::string& bad : {std::string(), good.substr(1), good + "0", good + "-x",
                                 "yzj-" + std::string(48, 'A') + "-" + std::string(32, 'b')}) {
    const auto token = parse_join_token(bad);
    ASSERT_FALSE(token) << bad;
    EXPECT_EQ(token.error().message.find("aaaa"), std::string::npos);
  }
}

}  // namespace
}  // namespace yz::rpc
