#include "runtime/base/log.hpp"
#include "runtime/base/env.hpp"
#include "tests/support/temporary_folder.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <limits>
#include <sstream>
#include <thread>
#include <unistd.h>

using namespace flott;

namespace {

/// Gives standard output and error back at the end, which `log::configure` leads elsewhere.
class kept_streams {
 public:
  kept_streams() : out_(::dup(1)), err_(::dup(2)) {}
  ~kept_streams() {
    ::fflush(nullptr);
    ::dup2(out_, 1);
    ::dup2(err_, 2);
    ::close(out_);
    ::close(err_);
    REQUIRE(log::configure({.threshold = log::level::warn}).ok());
  }

 private:
  int out_, err_;
};

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::istringstream text(system_env().read_file(file).value());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("a text line shows message and fields") {
  const job_id id = job_id::from_words(0x0123456789abcdef, 1);
  CHECK(log::render(log::level::info, "task deployed",
                    {{"job", id}, {"vertex", std::string("a -> b")}, {"subtask", 3}, {"last", true}, {"load", 0.5}},
                    log::format::text, "T", "taskmanager-1")
        == "T info  task deployed node=taskmanager-1 job=0123456789abcdef0000000000000001 vertex=\"a -> b\" subtask=3 "
           "last=true load=0.5");
}

TEST_CASE("whatever a field holds, a JSON line stays one line and one document") {
  const std::string nasty = "quote\" back\\ line\nbreak\r\t\x01 \x7f ümlaut";
  const auto line = log::render(log::level::error, nasty,
                                {{"text", nasty}, {"nan", std::numeric_limits<double>::quiet_NaN()},
                                 {"low", std::numeric_limits<std::int64_t>::min()},
                                 {"high", std::numeric_limits<std::uint64_t>::max()}, {"no", false}},
                                log::format::json, "T", "");
  CHECK(line.find('\n') == std::string::npos);
  const auto parsed = boost::json::parse(line).as_object();
  CHECK(parsed.at("message").as_string() == nasty);
  CHECK(parsed.at("text").as_string() == nasty);
  CHECK(parsed.at("nan").is_null());
  CHECK(parsed.at("low").as_int64() == std::numeric_limits<std::int64_t>::min());
  CHECK(parsed.at("high").as_uint64() == std::numeric_limits<std::uint64_t>::max());
  CHECK(parsed.at("no").as_bool() == false);
}

TEST_CASE("a line is bounded and says that it was cut") {
  std::string huge;
  for (int i = 0; i < 100'000; ++i) huge += "ü";
  for (const auto style : {log::format::text, log::format::json}) {
    const auto line = log::render(log::level::info, "m", {{"a", huge}, {"b", huge}, {"c", huge}, {"d", 1}}, style, "T",
                                  "n");
    CHECK(line.size() <= log::max_line_bytes);
    CHECK(line.find("cut") != std::string::npos);
    CHECK(line.find(style == log::format::json ? "\"d\":1" : " d=1") != std::string::npos);
    if (style == log::format::json)
      CHECK_NOTHROW(boost::json::parse(line));
  }
}

TEST_CASE("levels are filtered and named") {
  log::level level{};
  CHECK(log::parse_level("debug", level));
  CHECK(level == log::level::debug);
  CHECK_FALSE(log::parse_level("verbose", level));
  log::set_level(log::level::error);
  CHECK_FALSE(log::enabled(log::level::warn));
  CHECK(log::enabled(log::level::error));
  log::set_level(log::level::off);
  CHECK_FALSE(log::enabled(log::level::error));
  log::set_level(log::level::warn);
}

TEST_CASE("a log file takes all that the process prints, whole lines from many threads, and stays bounded") {
  testing::temporary_folder folder;
  const auto file = folder / "node.log";
  {
    kept_streams kept;
    REQUIRE(log::configure({.threshold = log::level::info, .style = log::format::json, .node = "n", .file = file,
                            .max_file_bytes = 128 * 1024}).ok());
    CHECK(::write(STDOUT_FILENO, "printed\n", 8) == 8);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 1000; ++i) log::info("line", {{"thread", t}, {"i", i}, {"pad", std::string(50, 'x')}});
      });
    for (auto& thread : threads) thread.join();
    CHECK(::write(STDERR_FILENO, "at the end\n", 11) == 11);
    log::debug("not logged");
  }
  auto old = file;
  old += ".1";
  REQUIRE(std::filesystem::exists(old));
  CHECK(std::filesystem::file_size(file) <= 256 * 1024);
  CHECK(std::filesystem::file_size(old) <= 256 * 1024);
  CHECK(lines_of(file).back() == "at the end");
  for (const auto& line : lines_of(old))
    if (line != "printed")
      CHECK_NOTHROW(boost::json::parse(line));
}

TEST_CASE("a log that cannot be opened is an error that names it") {
  const auto outcome = log::configure({.file = "/nonexistent/folder/x.log"});
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().where == "/nonexistent/folder/x.log");
}
