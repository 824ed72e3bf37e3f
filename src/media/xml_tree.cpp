#include "media/xml_tree.h"

#include <algorithm>
#include <climits>

#include <expat.h>
#include <fmt/format.h>

namespace yz::media {
namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostElements = 100'000;

std::string_view local_name(std::string_view name) { return name.substr(name.rfind(':') + 1); }

/// Builds the tree from expat's calls.
class Builder {
 public:
  explicit Builder(XML_Parser parser) : parser_(parser) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &Builder::on_start, &Builder::on_end);
    XML_SetCharacterDataHandler(parser, &Builder::on_text);
    XML_SetStartDoctypeDeclHandler(parser, &Builder::on_doctype);
  }

  [[nodiscard]] std::unique_ptr<XmlElement> take() { return std::move(root_); }
  [[nodiscard]] const std::optional<Error>& refusal() const { return refusal_; }

 private:
  static Builder& self(void* data) { return *static_cast<Builder*>(data); }
  static void on_start(void* data, const char* name, const char** attributes) { self(data).start(name, attributes); }
  static void on_end(void* data, const char* /*name*/) { self(data).open_.pop_back(); }
  static void on_text(void* data, const char* text, int size) {
    self(data).open_.back()->text.append(text, static_cast<std::size_t>(size));
  }
  static void on_doctype(void* data, const char*, const char*, const char*, int) {
    self(data).refuse(Code::kCorrupt, "a document type is not taken");
  }

  void start(const char* name, const char** attributes) {
    if (open_.size() == kDeepest) return refuse(Code::kLimit, fmt::format("nested deeper than {}", kDeepest));
    if (++elements_ > kMostElements) return refuse(Code::kLimit, fmt::format("more than {} elements", kMostElements));
    auto element = std::make_unique<XmlElement>();
    element->name = local_name(name);
    for (; *attributes != nullptr; attributes += 2) {
      element->attributes.emplace_back(local_name(attributes[0]), attributes[1]);
    }
    XmlElement* const opened = element.get();
    (open_.empty() ? root_ : open_.back()->children.emplace_back()) = std::move(element);
    open_.push_back(opened);
  }

  void refuse(Code code, std::string why) {
    if (!refusal_) refusal_ = Error{code, Fault::kOrigin, false, std::move(why)};
    XML_StopParser(parser_, XML_FALSE);
  }

  XML_Parser parser_;
  std::unique_ptr<XmlElement> root_;
  std::vector<XmlElement*> open_;
  std::size_t elements_ = 0;
  std::optional<Error> refusal_;
};

}  // namespace

std::optional<std::string_view> XmlElement::attribute(std::string_view wanted) const {
  const auto it = std::ranges::find(attributes, wanted, &std::pair<std::string, std::string>::first);
  return it == attributes.end() ? std::nullopt : std::optional<std::string_view>(it->second);
}

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const auto it = std::ranges::find(children, wanted, [](const auto& one) { return std::string_view(one->name); });
  return it == children.end() ? nullptr : it->get();
}

Result<std::unique_ptr<XmlElement>> read_xml(std::string_view text) {
  if (text.size() > INT_MAX) return fail(Code::kLimit, "too long", Fault::kOrigin);
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr),
                                                                                             &XML_ParserFree);
  YZ_ASSERT(parser != nullptr);
  Builder builder(parser.get());
  const XML_Status status = XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), 1);
  if (builder.refusal()) return fail(*builder.refusal());
  if (status != XML_STATUS_OK) {
    return fail(Code::kCorrupt,
                fmt::format("line {}: {}", XML_GetCurrentLineNumber(parser.get()),
                            XML_ErrorString(XML_GetErrorCode(parser.get()))),
                Fault::kOrigin);
  }
  return builder.take();
}

}  // namespace yz::media
