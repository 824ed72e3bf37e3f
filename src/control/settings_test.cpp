#include "control/settings.h"

#include <gtest/gtest.h>

namespace yz::control {
namespace {

TEST(ControlSettings, HaveDefaultsThatWorkWithoutAFile) {
  const auto settings = parse_settings("", "control.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->database_url(), "sqlite:control-state/control.db");
}

TEST(ControlSettings, AreReadFromYaml) {
  const auto settings = parse_settings(
      "listen: 127.0.0.1:9001\nstate: /tmp/x\nthreads: 3\npurge_retention: 24h\nlog:\n  level: debug\n", "c.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->listen.port, 9001);
  EXPECT_EQ(settings->threads, 3U);
  EXPECT_EQ(settings->purge_retention, std::chrono::hours(24));
  EXPECT_EQ(settings->log_level, log::Level::kDebug);
}

TEST(ControlSettings, SayWhereAccessLogsLieAndHowLong) {
  const auto settings = parse_settings(
      "access_logs:\n  folder: /srv/logs\n  quota: 2GiB\n  tenant_quota: 512MiB\n  retention: 48h\n", "c.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->access_logs.folder, "/srv/logs");
  EXPECT_EQ(settings->access_logs.quota, gib(2));
  EXPECT_EQ(settings->access_logs.tenant_quota, mib(512));
  EXPECT_EQ(settings->access_logs.retention, std::chrono::hours(48));
}

TEST(ControlSettings, EncryptTheBus) {
  const auto settings = parse_settings(
      "bus: tls://u:p@10.0.0.6:4222\nbus_tls:\n  ca_file: /etc/ca.pem\n  certificate_file: /etc/us.pem\n"
      "  key_file: /etc/us.key\n",
      "c.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->bus, "tls://u:p@10.0.0.6:4222");
  EXPECT_EQ(settings->bus_tls.ca_file, "/etc/ca.pem");
  EXPECT_EQ(settings->bus_tls.certificate_file, "/etc/us.pem");
  EXPECT_EQ(settings->bus_tls.key_file, "/etc/us.key");
}

TEST(ControlSettings, NameAnIdentityProvider) {
  const auto settings = parse_settings(
      "oidc:\n  issuer: https://id.example.com/realms/main\n  client_id: yizhan\n  client_secret_file: /etc/secret\n"
      "  public_url: https://console.example.com/\n  display_name: Example\n  new_user_role: viewer\n"
      "  new_user_tenant: 3\n",
      "c.yaml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_TRUE(settings->oidc.is_set());
  EXPECT_EQ(settings->oidc.public_url, "https://console.example.com");
  EXPECT_EQ(settings->oidc.client_secret_file, "/etc/secret");
  EXPECT_EQ(settings->oidc.email_claim, "email");
  EXPECT_EQ(settings->oidc.new_user_tenant.value, 3U);
  EXPECT_FALSE(parse_settings("", "c.yaml")->oidc.is_set());
}

TEST(ControlSettings, SayFileAndLineOfWhatIsWrong) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"state: x\nlisten: nowhere\n", "c.yaml:2"},
      {"a: 1\n", "c.yaml:1"},
      {"state: x\n\nlog:\n  level: loud\n", "c.yaml:4"},
      {"threads: 0\n", "c.yaml:1"},
      {"threads: 4\ndatabase: postgres://h/d\n", "c.yaml:2: /database: database URL: expected 'sqlite:PATH'"},
      {"bus: redis://u:secret@h\n", "c.yaml:1: /bus: bus URL: expected 'nats://"},
      {"bus: nats://h\nbus_tls:\n  ca_file: x\n", "c.yaml:2: /bus_tls: goes with a bus of tls://HOST:PORT"},
      {"bus: tls://h\nbus_tls: 3\n", "c.yaml:2: /bus_tls: expected a mapping"},
      {"bus: tls://h\nbus_tls:\n  ca: x\n", "c.yaml:3: /bus_tls/ca"},
      {"bus: tls://h\nbus_tls:\n  key_file: x\n", "c.yaml:3: /bus_tls/key_file: goes with certificate_file"},
      {"bus: tls://h\nbus_tls:\n  certificate_file: x\n", "c.yaml:3: /bus_tls/certificate_file: goes with key_file"},
      {"redis: rediss://u:secret@h\n", "c.yaml:1: /redis: redis URL: expected 'redis://"},
      {"database: mysql://u:secret@h:99999/d\n", "c.yaml:1: /database: database URL: the port"},
      {"- 1\n", "c.yaml:1"},
      {"a: [\n", "c.yaml:"},
      {"access_logs:\n  quota: much\n", "c.yaml:2: /access_logs/quota"},
      {"access_logs: 3\n", "c.yaml:1: /access_logs"},
  };
  for (const auto& c : cases) {
    const auto settings = parse_settings(c.text, "c.yaml");
    ASSERT_FALSE(settings) << c.text;
    EXPECT_NE(settings.error().message.find(c.expected), std::string::npos) << settings.error().message;
    EXPECT_EQ(settings.error().message.find("secret"), std::string::npos);
  }
}

TEST(ControlSettings, SayWhatIsWrongWithAnIdentityProvider) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"oidc: 3\n", "c.yaml:1: /oidc: expected a mapping"},
      {"oidc:\n  issuer: http://id.example.com\n", "c.yaml:2: /oidc/issuer: expected an https URL"},
      {"oidc:\n  issuer: https://id.example.com/?a\n", "c.yaml:2: /oidc/issuer"},
      {"oidc:\n  client_secret: sesame\n", "/oidc/client_id"},
      {"oidc:\n  client_secret: sesame\n  client_secret_file: x\n", "c.yaml:3: /oidc/client_secret_file"},
      {"oidc:\n  public_url: https://a.com/path\n", "c.yaml:2: /oidc/public_url"},
      {"oidc:\n  public_url: http://a.com\n", "c.yaml:2: /oidc/public_url"},
      {"oidc:\n  new_user_role: admin\n", "c.yaml:2: /oidc/new_user_role"},
      {"oidc:\n  new_user_role: viewer\n", "c.yaml:2: /oidc/new_user_role: is of a tenant"},
      {"oidc:\n  new_user_role: support\n  new_user_tenant: 3\n", "c.yaml:3: /oidc/new_user_tenant"},
      {"oidc:\n  secret: x\n", "c.yaml:2: /oidc/secret"},
  };
  for (const auto& c : cases) {
    const auto settings = parse_settings(c.text, "c.yaml");
    ASSERT_FALSE(settings) << c.text;
    EXPECT_NE(settings.error().message.find(c.expected), std::string::npos) << settings.error().message;
    EXPECT_EQ(settings.error().message.find("sesame"), std::string::npos);
  }
}

}  // namespace
}  // namespace yz::control
