#include "billing/pdf.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

using nlohmann::json;

constexpr int kWidth = 595, kHeight = 842;  // A4 in points
constexpr int kLeft = 50, kRight = kWidth - 50, kTop = kHeight - 60, kBottom = 60;
constexpr double kCourierWidth = 0.6;  // of its size, every character

/// The code points of UTF-8 text; what is damaged, or beyond the basic plane, becomes "?".
std::vector<std::uint16_t> code_points(std::string_view text) {
  std::vector<std::uint16_t> out;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || i + length > text.size()) length = 0;
    if (length == 1) {
      out.push_back(first < 0x20 || first == 0x7f ? '?' : first);
    } else if (length == 0 || length == 4) {
      out.push_back('?');
    } else {
      std::uint32_t code = first & (length == 2 ? 0x1fU : 0x0fU);
      for (std::size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
      out.push_back(static_cast<std::uint16_t>(code));
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

bool is_wide(std::uint16_t code) { return code >= 0x7f; }

/// Pages of text, written from top to bottom.
class Pages {
 public:
  /// Begins a line; on a new page where the old one is full.
  void down(int by) {
    y_ -= by;
    if (!contents_.empty() && y_ >= kBottom) return;
    contents_.emplace_back();
    y_ = kTop;
  }
  void left(int x, int size, std::string_view text) { show(x, size, code_points(text)); }
  void right(int x, int size, std::string_view text) {
    const auto codes = code_points(text);
    show(x - width_of(codes, size), size, codes);
  }
  void rule() { contents_.back() += fmt::format("0.5 w {} {} m {} {} l S\n", kLeft, y_ - 3, kRight, y_ - 3); }
  [[nodiscard]] const std::vector<std::string>& contents() const { return contents_; }

 private:
  [[nodiscard]] static int width_of(const std::vector<std::uint16_t>& codes, int size) {
    double width = 0;
    for (const std::uint16_t code : codes) width += is_wide(code) ? size : size * kCourierWidth;
    return static_cast<int>(width);
  }

  /// Runs of one font each.
  void show(int x, int size, const std::vector<std::uint16_t>& codes) {
    std::string& page = contents_.back();
    page += fmt::format("BT {} {} Td ", x, y_);
    for (std::size_t i = 0; i < codes.size();) {
      const bool wide = is_wide(codes[i]);
      std::size_t end = i;
      std::string run;
      for (; end < codes.size() && is_wide(codes[end]) == wide; ++end) {
        if (wide) {
          run += fmt::format("{:04X}", codes[end]);
          continue;
        }
        const char c = static_cast<char>(codes[end]);
        if (c == '(' || c == ')' || c == '\\') run.push_back('\\');
        run.push_back(c);
      }
      page += wide ? fmt::format("/F2 {} Tf <{}> Tj ", size, run) : fmt::format("/F1 {} Tf ({}) Tj ", size, run);
      i = end;
    }
    page += "ET\n";
  }

  std::vector<std::string> contents_;
  int y_ = kTop;
};

void write_line(Pages& pages, const json& line) {
  pages.down(16);
  pages.left(kLeft, 9, line.value("label", ""));
  pages.left(kLeft + 200, 9, line.value("day", ""));
  pages.right(kRight - 100, 9, line.value("quantity", ""));
  pages.right(kRight, 9, line.value("amount", ""));
  if (const std::string price = line.value("price", ""); !price.empty()) {
    pages.down(10);
    pages.left(kLeft + 10, 7, price);
  }
  for (const json& note : line.value("notes", json::array())) {
    pages.down(10);
    pages.left(kLeft + 10, 7, note.get<std::string>());
  }
}

Pages lay_out(const json& statement, std::string_view heading) {
  Pages pages;
  pages.down(0);
  pages.left(kLeft, 16, "Statement " + statement.value("month", ""));
  pages.down(20);
  pages.left(kLeft, 10, heading);
  pages.down(14);
  for (const json& segment : statement.value("segments", json::array())) {
    pages.left(kLeft, 8,
               fmt::format("{} to {}: plan {}, version {}", segment.value("from", ""), segment.value("to", ""),
                           segment.value("plan", 0), segment.value("version", 0)));
    pages.down(11);
  }
  pages.left(kLeft, 7, "usage " + statement.value("usage_hash", ""));
  pages.down(20);
  pages.right(kRight, 9, statement.value("currency", ""));
  pages.rule();
  for (const json& line : statement.value("lines", json::array())) write_line(pages, line);
  pages.down(8);
  pages.rule();
  pages.down(16);
  pages.left(kLeft, 10, "Total");
  pages.right(kRight, 10, statement.value("total", ""));
  return pages;
}

/// Objects one after the other, and the table that says where each begins (§7.5).
std::string write_file(const std::vector<std::string>& objects) {
  std::string out = "%PDF-1.4\n%\xe9\xa9\xbf\xe7\xab\x99\n";
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    offsets.push_back(out.size());
    out += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
  }
  const std::size_t table = out.size();
  out += fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects.size() + 1);
  for (const std::size_t offset : offsets) out += fmt::format("{:010} 00000 n \n", offset);
  return out + fmt::format("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n", objects.size() + 1, table);
}

}  // namespace

std::string to_pdf(const json& statement, std::string_view heading) {
  const Pages pages = lay_out(statement, heading);
  constexpr std::size_t kFirstPage = 7;
  std::string kids;
  for (std::size_t i = 0; i < pages.contents().size(); ++i) kids += fmt::format("{} 0 R ", kFirstPage + 2 * i);
  std::vector<std::string> objects = {
      "<< /Type /Catalog /Pages 2 0 R >>",
      fmt::format("<< /Type /Pages /Count {} /Kids [ {}] >>", pages.contents().size(), kids),
      "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
      "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UCS2-H /Encoding /UniGB-UCS2-H "
      "/DescendantFonts [ 5 0 R ] >>",
      "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /FontDescriptor 6 0 R /DW 1000 "
      "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>",
      "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [ -25 -254 1000 880 ] /ItalicAngle 0 "
      "/Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>",
  };
  for (std::size_t i = 0; i < pages.contents().size(); ++i) {
    const std::string& content = pages.contents()[i];
    objects.push_back(
        fmt::format("<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 {} {} ] /Contents {} 0 R "
                    "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>",
                    kWidth, kHeight, kFirstPage + 2 * i + 1));
    objects.push_back(fmt::format("<< /Length {} >>\nstream\n{}endstream", content.size(), content));
  }
  return write_file(objects);
}

}  // namespace yz::billing
