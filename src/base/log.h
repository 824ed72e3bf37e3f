#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"

namespace yz::log {

enum class Level { kDebug, kInfo, kWarn, kError };

/// How and where a program logs. JSON lines by default off a terminal, readable lines on one.
struct Options {
  Level level = Level::kInfo;
  bool json = false;
  std::string file;  ///< empty: standard error
};

/// Sets up logging for the process, once, before threads start.
[[nodiscard]] Status open(std::string_view program, const Options& options);
/// Reads "debug", "info", "warn" or "error".
[[nodiscard]] Result<Level> parse_level(std::string_view name);

[[nodiscard]] bool is_enabled(Level level);
/// One line. Never put secrets in it. Any thread may call.
void write(Level level, std::string_view message);
/// Writes what is buffered.
void flush();

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (is_enabled(Level::kDebug)) write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (is_enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (is_enabled(Level::kWarn)) write(Level::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace yz::log
