#include "media/dash.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "http/reference.h"
#include "media/link_list.h"
#include "media/xml_tree.h"

namespace yz::media {
namespace {

/// "PT1H2M3.5S", "P1DT2H" in seconds (XML Schema part 2 §3.2.6); none for years and months, which have no length.
std::optional<double> seconds_of(std::string_view text) {
  if (!text.starts_with('P')) return std::nullopt;
  text.remove_prefix(1);
  double sum = 0;
  bool in_time = false;
  while (!text.empty()) {
    if (text.front() == 'T') {
      in_time = true;
      text.remove_prefix(1);
      continue;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || end == text.data() + text.size() || value < 0) return std::nullopt;
    const char unit = *end;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    if (unit == 'D' && !in_time)
      sum += value * 86'400;
    else if (unit == 'H' && in_time)
      sum += value * 3'600;
    else if (unit == 'M' && in_time)
      sum += value * 60;
    else if (unit == 'S' && in_time)
      sum += value;
    else
      return std::nullopt;
  }
  return sum;
}

/// The elements a representation inherits from, innermost first: Representation, AdaptationSet, Period.
using Levels = std::array<const XmlElement*, 3>;

/// An element that each level may have, whose attributes and children outer levels complete (§5.3.9.1).
class Inherited {
 public:
  Inherited(const Levels& levels, std::string_view name) {
    for (std::size_t i = 0; i < levels.size(); ++i) found_[i] = levels[i]->child(name);
  }

  [[nodiscard]] bool is_there() const { return found_[0] != nullptr || found_[1] != nullptr || found_[2] != nullptr; }
  [[nodiscard]] std::optional<std::string_view> attribute(std::string_view name) const {
    for (const XmlElement* one : found_) {
      if (one == nullptr) continue;
      if (const auto value = one->attribute(name)) return value;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise) const {
    return parse_u64(attribute(name).value_or("")).value_or(otherwise);
  }
  [[nodiscard]] const XmlElement* child(std::string_view name) const {
    for (const XmlElement* one : found_) {
      const XmlElement* held = one != nullptr ? one->child(name) : nullptr;
      if (held != nullptr) return held;
    }
    return nullptr;
  }
  /// The innermost.
  [[nodiscard]] const XmlElement& front() const { return found_[0] ? *found_[0] : found_[1] ? *found_[1] : *found_[2]; }

 private:
  std::array<const XmlElement*, 3> found_{};
};

/// What a template's identifiers stand for (§5.3.9.4.4).
struct Fill {
  std::string_view representation;
  std::string_view bandwidth;
  std::uint64_t number = 0;
  std::uint64_t time = 0;
};

/// "$Number%05d$" and its like replaced; none when an identifier or a format is not one of the standard's.
std::optional<std::string> fill_template(std::string_view text, const Fill& fill) {
  std::string out;
  for (;;) {
    const std::size_t start = text.find('$');
    out.append(text.substr(0, start));
    if (start == std::string_view::npos) return out;
    const std::size_t end = text.find('$', start + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view name = text.substr(start + 1, end - start - 1);
    text.remove_prefix(end + 1);
    if (name.empty()) {
      out += '$';
      continue;
    }
    std::uint32_t width = 1;
    if (const std::size_t format = name.find('%'); format != std::string_view::npos) {
      const std::string_view digits = name.substr(format + 1);
      if (!digits.starts_with('0') || !digits.ends_with('d')) return std::nullopt;
      const auto given = parse_u32(digits.substr(1, digits.size() - 2), 20);
      if (!given) return std::nullopt;
      width = *given;
      name = name.substr(0, format);
    }
    if (name == "RepresentationID")
      out.append(fill.representation);
    else if (name == "Bandwidth")
      out += fmt::format("{:0>{}}", fill.bandwidth, width);
    else if (name == "Number")
      out += fmt::format("{:0{}}", fill.number, width);
    else if (name == "Time")
      out += fmt::format("{:0{}}", fill.time, width);
    else
      return std::nullopt;
  }
}

bool names_a_segment(std::string_view media) {
  return media.find("$Number") != std::string_view::npos || media.find("$Time") != std::string_view::npos;
}

/// One description, walked from the outside in.
class Walk {
 public:
  Walk(const XmlElement& mpd, std::size_t most) : mpd_(mpd), links_(most) {
    is_static_ = mpd.attribute("type").value_or("static") != "dynamic";
  }

  ManifestLinks run(std::string_view url) {
    const auto base = base_of(mpd_, std::string(url));
    if (!base) return links_.take();
    std::vector<const XmlElement*> periods;
    for (const auto& child : mpd_.children) {
      if (child->name == "Period") periods.push_back(child.get());
    }
    double start = 0;
    for (std::size_t i = 0; i < periods.size() && !links_.is_full(); ++i) {
      start = start_of(*periods[i]).value_or(start);
      const XmlElement* next = i + 1 < periods.size() ? periods[i + 1] : nullptr;
      const auto length = length_of(*periods[i], start, next);
      period(*periods[i], *base, url, length);
      start += length.value_or(0);
    }
    return links_.take();
  }

 private:
  static std::optional<double> start_of(const XmlElement& period) {
    return seconds_of(period.attribute("start").value_or(""));
  }

  /// §5.3.2.1: what it says, else until the next one or the presentation's end.
  std::optional<double> length_of(const XmlElement& period, double start, const XmlElement* next) const {
    if (const auto said = seconds_of(period.attribute("duration").value_or(""))) return said;
    const auto end =
        next != nullptr ? start_of(*next) : seconds_of(mpd_.attribute("mediaPresentationDuration").value_or(""));
    if (!end || *end < start) return std::nullopt;
    return *end - start;
  }

  /// With the element's own BaseURL, the first where there are several (the others are alternatives).
  static std::optional<std::string> base_of(const XmlElement& element, const std::string& outer) {
    const XmlElement* own = element.child("BaseURL");
    return own == nullptr ? std::optional(outer) : http::resolve_url(outer, trim(own->text));
  }

  void period(const XmlElement& period, const std::string& outer, std::string_view url, std::optional<double> length) {
    const auto base = base_of(period, outer);
    for (const auto& set : period.children) {
      if (!base || set->name != "AdaptationSet") continue;
      const auto set_base = base_of(*set, *base);
      for (const auto& one : set->children) {
        if (!set_base || one->name != "Representation" || links_.is_full()) continue;
        if (const auto own = base_of(*one, *set_base)) {
          representation({one.get(), set.get(), &period}, *own, url, length);
        }
      }
    }
  }

  void representation(const Levels& levels, const std::string& base, std::string_view url,
                      std::optional<double> length) {
    const Inherited segments(levels, "SegmentTemplate");
    const Inherited list(levels, "SegmentList");
    if (segments.is_there()) {
      from_template(segments, *levels[0], base, length);
    } else if (list.is_there()) {
      from_list(list, base);
    } else if (base != url) {
      links_.add(base, "");  // one file for all of it
    }
  }

  void from_list(const Inherited& list, const std::string& base) {
    if (const XmlElement* first = list.child("Initialization")) {
      if (const auto source = first->attribute("sourceURL")) links_.add(base, *source);
    }
    for (const auto& one : list.front().children) {
      if (one->name != "SegmentURL" || links_.is_full()) continue;
      links_.add(base, one->attribute("media").value_or(""));
    }
  }

  void from_template(const Inherited& segments, const XmlElement& representation, const std::string& base,
                     std::optional<double> length) {
    Fill fill{representation.attribute("id").value_or(""), representation.attribute("bandwidth").value_or("")};
    if (const auto first = segments.attribute("initialization")) add(base, *first, fill);
    const auto media = segments.attribute("media");
    if (!media) return;
    if (!names_a_segment(*media)) return add(base, *media, fill);
    fill.number = segments.number("startNumber", 1);
    const std::uint64_t scale = std::max<std::uint64_t>(1, segments.number("timescale", 1));
    if (const XmlElement* timeline = segments.child("SegmentTimeline")) {
      const double offset = static_cast<double>(segments.number("presentationTimeOffset", 0));
      std::optional<double> end;
      if (length) end = *length * static_cast<double>(scale) + offset;
      return from_timeline(*timeline, base, *media, fill, end);
    }
    const std::uint64_t duration = segments.number("duration", 0);
    if (duration == 0) return;
    double count = 0;
    if (const auto last = parse_u64(segments.attribute("endNumber").value_or(""))) {
      count = *last >= fill.number ? static_cast<double>(*last - fill.number) + 1 : 0;
    } else if (is_static_ && length) {
      count = std::ceil(*length * static_cast<double>(scale) / static_cast<double>(duration) - 1e-6);
    }
    for (double n = 0; n < count && step(); ++n, ++fill.number, fill.time += duration) add(base, *media, fill);
  }

  /// `end`: of the period, in the timeline's units; none: not known.
  void from_timeline(const XmlElement& timeline, const std::string& base, std::string_view media, Fill fill,
                     std::optional<double> end) {
    for (std::size_t i = 0; i < timeline.children.size(); ++i) {
      const XmlElement& run = *timeline.children[i];
      const std::uint64_t duration = parse_u64(run.attribute("d").value_or("")).value_or(0);
      if (run.name != "S" || duration == 0) continue;
      fill.time = parse_u64(run.attribute("t").value_or("")).value_or(fill.time);
      const std::string_view repeats = run.attribute("r").value_or("0");
      double count = 1;
      if (repeats.starts_with('-')) {  // up to what comes next
        const XmlElement* next = i + 1 < timeline.children.size() ? timeline.children[i + 1].get() : nullptr;
        const auto next_time = next != nullptr ? parse_u64(next->attribute("t").value_or("")) : std::nullopt;
        const std::optional<double> until = next_time ? static_cast<double>(*next_time) : end;
        if (until) count = std::ceil((*until - static_cast<double>(fill.time)) / static_cast<double>(duration) - 1e-6);
      } else {
        count = static_cast<double>(parse_u64(repeats).value_or(0)) + 1;
      }
      for (double n = 0; n < count && step(); ++n, ++fill.number, fill.time += duration) add(base, media, fill);
    }
  }

  void add(const std::string& base, std::string_view text, const Fill& fill) {
    if (const auto reference = fill_template(text, fill)) links_.add(base, *reference);
  }

  /// False once so many segments were named that whatever follows is cut off: repeats are only numbers in the text.
  bool step() {
    if (++steps_ > links_.most()) links_.cut();
    return !links_.is_full();
  }

  const XmlElement& mpd_;
  LinkList links_;
  std::size_t steps_ = 0;
  bool is_static_ = true;
};

}  // namespace

Result<ManifestLinks> read_mpd(std::string_view text, std::string_view url, std::size_t most) {
  YZ_TRY(const std::unique_ptr<XmlElement> root, read_xml(text));
  if (root->name != "MPD") {
    return fail(Code::kCorrupt, "not a media presentation description: its root is " + root->name, Fault::kOrigin);
  }
  return Walk(*root, most).run(url);
}

}  // namespace yz::media
