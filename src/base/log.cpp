#include "base/log.h"

#include <memory>
#include <vector>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json_text.h"

namespace yz::log {

namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool json_lines = false;

}  // namespace

Status open(std::string_view program, const Options& options) {
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    auto logger = std::make_shared<spdlog::logger>(std::string(program), std::move(sink));
    logger->set_level(to_spdlog(options.level));
    logger->flush_on(spdlog::level::info);
    json_lines = options.json;
    logger->set_pattern(options.json
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n","pid":%P,"message":%v})"
                            : "%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %n[%P] %v",
                        spdlog::pattern_time_type::utc);
    spdlog::set_default_logger(std::move(logger));
    return {};
  } catch (const spdlog::spdlog_ex& e) {
    return fail(Code::kIo, fmt::format("cannot open the log file '{}': {}", options.file, e.what()));
  }
}

Result<Level> parse_level(std::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warn") return Level::kWarn;
  if (name == "error") return Level::kError;
  return fail(Code::kInvalid, fmt::format("'{}' is not a log level; expected debug, info, warn or error", name));
}

bool is_enabled(Level level) { return spdlog::default_logger_raw()->should_log(to_spdlog(level)); }

void write(Level level, std::string_view message) {
  if (json_lines) {
    spdlog::default_logger_raw()->log(to_spdlog(level), json_quoted(message));
  } else {
    spdlog::default_logger_raw()->log(to_spdlog(level), message);
  }
}

void flush() { spdlog::default_logger_raw()->flush(); }

}  // namespace yz::log
