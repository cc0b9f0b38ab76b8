#include "apps/cli/command_line.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using namespace flott::cli;

namespace {

command_spec run_like() {
  return {.name = "run",
          .arguments = "MODULE",
          .prose = "Runs.",
          .options = {{.names = "detached,d", .value = "", .prose = "x"},
                      {.names = "parallelism,p", .value = "N", .prose = "x"},
                      {.names = "define,D", .value = "K=V", .prose = "x", .repeated = true},
                      {.names = "json", .value = "", .prose = "x"}},
          .least_operands = 1,
          .most_operands = 1,
          .hands_on_rest = true};
}

command_spec plain() {
  return {.name = "info",
          .arguments = "JOB",
          .prose = "Shows.",
          .options = {{.names = "jobmanager,m", .value = "HOST:PORT", .prose = "x"}},
          .least_operands = 1,
          .most_operands = 1};
}

std::string error_of(const command_spec& spec, const std::vector<std::string>& words) {
  const auto line = parse(spec, words);
  return line.ok() ? "" : line.error().to_string();
}

using words = std::vector<std::string>;

}  // namespace

TEST_CASE("everything behind the module is the job's, whatever it looks like") {
  const auto line = parse(run_like(), {"-d", "-p", "4", "-D", "a=1", "--json", "mod.so", "-d", "--help", "-p", "x", "--"});
  REQUIRE(line.ok());
  CHECK(line->operands == words{"mod.so"});
  CHECK(line->rest == words{"-d", "--help", "-p", "x", "--"});
  CHECK(line->has("detached"));
  CHECK(line->has("json"));
  CHECK(line->number("parallelism", 0, 1, 100).value() == 4);
  CHECK(line->all("define") == words{"a=1"});
}

TEST_CASE("an option's value is not taken for the module") {
  for (const auto& front : {words{"-p", "4"}, words{"-p4"}, words{"--parallelism", "4"}, words{"--parallelism=4"},
                            words{"-dp", "4"}, words{"-dp4"}, words{"-p", "4", "--"}}) {
    auto all = front;
    all.insert(all.end(), {"mod", "--x", "1"});
    const auto line = parse(run_like(), all);
    INFO(front.front());
    REQUIRE(line.ok());
    CHECK(line->text("parallelism") == "4");
    CHECK(line->operands == words{"mod"});
    CHECK(line->rest == words{"--x", "1"});
  }
}

TEST_CASE("definitions keep their order") {
  const auto line = parse(run_like(), {"-D", "a=1", "-Db=2", "--define=a=3", "mod"});
  REQUIRE(line.ok());
  CHECK(line->all("define") == words{"a=1", "b=2", "a=3"});
  const auto pairs = key_values(line->all("define"));
  REQUIRE(pairs.ok());
  CHECK(pairs->back() == std::pair<std::string, std::string>("a", "3"));
  CHECK_FALSE(key_values({"novalue"}).ok());
  CHECK_FALSE(key_values({"=1"}).ok());
  CHECK(key_values({"a=b=c"}).value().front().second == "b=c");
}

TEST_CASE("a wrong line is refused, naming what is wrong") {
  CHECK(error_of(run_like(), {}).find("MODULE") != std::string::npos);
  CHECK(error_of(run_like(), {"--detach", "mod"}).find("detach") != std::string::npos);   // no guessing
  CHECK(error_of(run_like(), {"--nonsense", "mod"}).find("nonsense") != std::string::npos);
  CHECK(error_of(run_like(), {"-p"}).find("parallelism") != std::string::npos);
  CHECK_FALSE(error_of(run_like(), {"-p", "1", "-p", "2", "mod"}).empty());
  CHECK(error_of(plain(), {"one", "two"}).find("two") != std::string::npos);
  for (const auto* number : {"0", "-1", "x", "4x", "99999999999", ""}) {
    const auto line = parse(run_like(), {std::string("--parallelism=") + number, "mod"});
    INFO(number);
    CHECK((!line.ok() || !line->number("parallelism", 0, 1, 100).ok()));
  }
}

TEST_CASE("options may follow operands of a command that hands nothing on") {
  const auto line = parse(plain(), {"job", "-m", "h:1"});
  REQUIRE(line.ok());
  CHECK(line->operands == words{"job"});
  CHECK(line->text("jobmanager") == "h:1");
}

TEST_CASE("help asks for nothing else and shows every option") {
  for (const auto& spec : {run_like(), plain()}) {
    const auto line = parse(spec, {"--help"});
    REQUIRE(line.ok());
    CHECK(line->wants_help);
    for (const auto& option : spec.options)
      CHECK(help(spec).find("--" + option.names.substr(0, option.names.find(','))) != std::string::npos);
  }
}
