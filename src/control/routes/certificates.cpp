#include "control/certificate_check.h"
#include "control/routes/resource_routes.h"
#include "control/routes/routes.h"
#include "store/certificate_store.h"

namespace yz::control {
namespace {

struct CertificateKind {
  using Value = model::Certificate;
  using Store = store::CertificateStore;
  static constexpr std::string_view kPath = "certificates";
  static constexpr std::string_view kNoun = "certificate";
  static constexpr Permission kRead = "certificate:read";
  static constexpr Permission kWrite = "certificate:write";
  static constexpr bool kOwned = true;

  /// `names` and the times come from the certificate itself.
  static std::vector<std::string_view> read_only() { return {"id", "names", "not_after", "not_before", "source"}; }
  /// JSON never shows the key: a change of other fields keeps it.
  static Value base(const Value* before) {
    Value out;
    if (before != nullptr) out.key_pem = before->key_pem, out.source = before->source;
    return out;
  }
  /// One that was ordered and is replaced by hand is people's to renew from then on.
  static tl::expected<void, Problem> prepare(const model::ConfigSnapshot& config, Value& certificate) {
    const Value* before = config.certificates.find(certificate.id);
    if (before != nullptr && before->chain_pem != certificate.chain_pem) {
      certificate.source = model::CertificateSource::kUploaded;
    }
    return read_certificate(certificate);
  }
  static nlohmann::json render(const store::Stored<Value>& row, const model::ConfigSnapshot& /*config*/) {
    return model::to_json(row.value);
  }
};

}  // namespace

Routes certificate_routes(const RouteContext& context) { return ResourceRoutes<CertificateKind>::make(context); }

}  // namespace yz::control
