#include "examples/word_count/tokenizer.hpp"
#include "runtime/base/env.hpp"
#include "runtime/connectors/file_committer.hpp"
#include "runtime/execution/local_runner.hpp"
#include "runtime/module/plan.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/connectors/files.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace flott;
namespace fs = std::filesystem;

namespace {

using arguments = std::vector<std::pair<std::string, std::string>>;

/// What a shell command writes to its standard output.
std::string output_of(const std::string& command) {
  std::string all;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    all.append(buffer.data(), n);
  REQUIRE(::pclose(pipe) == 0);
  return all;
}

local_outcome run(const std::string& example, const arguments& parameters, std::uint32_t parallelism,
                  const arguments& options = {}) {
  static module_loader loader;
  const auto sha256 = loader.add_file(fs::path(FLOTT_EXAMPLES) / (example + ".so"));
  REQUIRE(sha256.ok());
  msg::JobSpec spec;
  spec.set_job_id(new_job_id(system_env()).hex());
  spec.set_module_sha256(*sha256);
  spec.set_function(example);
  spec.set_parallelism(parallelism);
  for (const auto& [key, value] : parameters) {
    auto* added = spec.add_parameters();
    added->set_key(key);
    added->set_value(value);
  }
  const auto job = plan_job(spec, loader, configuration());
  INFO((job.ok() ? std::string() : job.error().to_string()));
  REQUIRE(job.ok());
  local_run_options how;
  how.spec = spec;
  how.options = options;
  auto outcome = run_locally(*job, how);
  INFO((outcome.ok() ? std::string() : outcome.error().to_string()));
  REQUIRE(outcome.ok());
  return *outcome;
}

/// Runs the example with --output and publishes what it has written.
void run_to(const fs::path& out, const std::string& example, arguments parameters, std::uint32_t parallelism,
            const arguments& options = {}) {
  parameters.emplace_back("output", out.string());
  const local_outcome outcome = run(example, parameters, parallelism, options);
  INFO(outcome.error.to_string());
  REQUIRE(outcome.finished());
  REQUIRE(file_committer::publish(outcome.committables).ok());
}

std::string random_text(std::size_t size, std::uint64_t seed) {
  static constexpr char characters[] = "abcABCxyzXYZ019___  \n\t.,;-@[`{/:\x7f\x80\xc3\xff\r";
  std::mt19937_64 random(seed);
  std::string all;
  while (all.size() < size) {
    all.append(random() % 20, characters[random() % (sizeof characters - 1)]);
    all += characters[random() % (sizeof characters - 1)];
  }
  return all + '\n';               // so that `cat` does not join words of two files
}

constexpr char count_words[] =
    "(echo word,count; cat %s | LC_ALL=C tr -cs 'A-Za-z0-9_' '\\n' | LC_ALL=C tr A-Z a-z | grep . | LC_ALL=C sort | "
    "uniq -c | awk '{print $2 \",\" $1}')";

std::string words_by_tr(const std::string& files) {
  std::string command = count_words;
  return output_of(command.replace(command.find("%s"), 2, files));
}

constexpr char status_file[] =
    "Package: b\nStatus: install ok installed\nSection: libs\nInstalled-Size: 10\nMaintainer: Ann <a@x>\n\n"
    "package: a\nSTATUS:  install ok installed \nInstalled-size:\t12\nMaintainer: Bob, \"B\" <b@x>\nDescription: x\n"
    " Section: not a field\n\tInstalled-Size: nor this\n\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nSection: libs\nInstalled-Size: 99\n\n"
    "Package: c\nStatus: install ok installed\nSection: libs\n\r\n"
    "Package: b\nStatus: install ok installed\r\nSection: libs\r\nArchitecture: i386\r\nInstalled-Size: 10\r\n"
    "Maintainer: Ann <a@x>";

}  // namespace

TEST_CASE("word_count counts as tr, sort and uniq do", "[examples]") {
  const testing::temporary_folder folder;
  for (int i = 0; i < 3; ++i)
    write_file(folder / ("in/" + std::to_string(i) + ".txt"), random_text(300'000, static_cast<std::uint64_t>(i)));
  const std::string expected = words_by_tr((folder / "in/*.txt").string());
  for (std::uint32_t parallelism = 1; parallelism <= 4; ++parallelism) {
    const fs::path out = folder / ("out" + std::to_string(parallelism));
    run_to(out, "word_count", {{"input", (folder / "in/*.txt").string()}}, parallelism,
           {{"source.file.split-size", "10 kb"}});
    CHECK((read_file(out / "counts.csv") == expected));   // too long to be shown
    CHECK(std::distance(fs::directory_iterator(out), {}) == 1);
  }
}

TEST_CASE("word_count knows many words, long ones too", "[examples]") {
  const testing::temporary_folder folder;
  std::string content;
  std::mt19937_64 random(5);
  for (int i = 0; i < 120'000; ++i)
    content += "w" + std::to_string(random() % 60'000) + (i % 100 == 0 ? " exactly_16_chars 17_chars_in_all__\n" : " ");
  const std::string file = write_file(folder / "in", content);
  run_to(folder / "out", "word_count", {{"input", file}}, 2);
  CHECK((read_file(folder / "out/counts.csv") == words_by_tr(file)));
}

TEST_CASE("word_count without a folder brings its result to the client", "[examples]") {
  const testing::temporary_folder folder;
  const auto outcome = run("word_count", {{"input", write_file(folder / "in", "b A\na")}}, 2);
  REQUIRE(outcome.finished());
  REQUIRE(outcome.collected.size() == 1);
  CHECK(outcome.collected[0].sink() == "counts");
  REQUIRE(outcome.collected[0].json_rows_size() == 2);
  CHECK(outcome.collected[0].json_rows(0) == "{\"word\":\"a\",\"count\":2}");
}

TEST_CASE("the tokenizer cuts at every character that is part of no word", "[examples]") {
  for (int c = 1; c < 256; ++c) {
    const std::string in = std::string(20, 'x') + static_cast<char>(c) + "Y" + std::string(32, ' ');
    std::string found;
    word_count::tokenizer words;
    words.add(std::string_view(in).substr(0, 22));
    words.for_each_word([&](const char* word, std::uint32_t size) { found += std::string(word, size) + "|"; });
    const bool letter = c < 128 && (std::isalnum(c) != 0 || c == '_');
    const std::string x(20, 'x');
    CHECK(found == (letter ? x + static_cast<char>(std::tolower(c)) + "y|" : x + "|y|"));
  }
}

TEST_CASE("dpkg_analytics reads records strictly and sums them", "[examples]") {
  const testing::temporary_folder folder;
  const std::string status = write_file(folder / "status", status_file);
  for (std::uint32_t parallelism = 1; parallelism <= 4; ++parallelism) {
    const fs::path out = folder / ("out" + std::to_string(parallelism));
    run_to(out, "dpkg_analytics", {{"status", status}}, parallelism, {{"source.file.split-size", "64 b"}});
    CHECK(read_file(out / "by_section.csv") == "section,packages,installed_kib\nlibs,3,20\nunknown,1,12\n");
    CHECK(read_file(out / "by_maintainer.csv") ==
          "maintainer,packages,installed_kib\nAnn <a@x>,2,20\n\"Bob, \"\"B\"\" <b@x>\",1,12\nunknown,1,0\n");
    CHECK(read_file(out / "largest.csv") == "package,installed_kib\na,12\nb,10\nb,10\nc,0\n");
  }
}

TEST_CASE("dpkg_analytics of this machine is what awk says", "[examples]") {
  const char status[] = "/var/lib/dpkg/status";
  if (!fs::exists(status))
    return;
  const testing::temporary_folder folder;
  const std::string by_section = output_of(
      "LC_ALL=C awk 'BEGIN {RS = \"\"; FS = \"\\n\"; print \"section,packages,installed_kib\"} "
      "{ s = \"unknown\"; k = 0; ok = 0; for (i = 1; i <= NF; i++) { "
      "if ($i ~ /^Section: /) s = substr($i, 10); if ($i ~ /^Installed-Size: /) k = substr($i, 17); "
      "if ($i == \"Status: install ok installed\") ok = 1 } if (ok) { n[s]++; t[s] += k } } "
      "END { for (s in n) print s \",\" n[s] \",\" t[s] | \"LC_ALL=C sort\" }' /var/lib/dpkg/status");
  for (std::uint32_t parallelism = 1; parallelism <= 4; ++parallelism) {
    const fs::path out = folder / ("out" + std::to_string(parallelism));
    run_to(out, "dpkg_analytics", {}, parallelism, {{"source.file.split-size", "100 kb"}});
    CHECK(read_file(out / "by_section.csv") == by_section);
  }
}

TEST_CASE("a bad size fails the job, naming file and line, whatever the split", "[examples]") {
  const testing::temporary_folder folder;
  const std::string head = "Package: a\nStatus: install ok installed\nInstalled-Size: 1\n\n";
  for (const std::string bad : {"Installed-Size: many", "Installed-Size: 18446744073709551616", "Installed-Size: -1",
                                "Installed-Size:", "no field"}) {
    const std::string status = write_file(folder / "status", head + head + "Package: b\n" + bad + "\n\n" + head);
    const auto outcome = run("dpkg_analytics", {{"status", status}, {"output", (folder / "out").string()}}, 3,
                             {{"source.file.split-size", "40 b"}});
    REQUIRE(outcome.state == msg::TASK_STATE_FAILED);
    CAPTURE(outcome.error.to_string());
    CHECK(outcome.error.to_string().find(status + ":10") != std::string::npos);
    CHECK(outcome.error.cls == failure_class::permanent);
    CHECK_FALSE(fs::exists(folder / "out"));
  }
}

TEST_CASE("missing input fails the job at once, naming it", "[examples]") {
  const auto outcome = run("word_count", {{"input", "/no/such/*.txt"}}, 2);
  REQUIRE(outcome.state == msg::TASK_STATE_FAILED);
  CHECK(outcome.error.to_string().find("/no/such/*.txt") != std::string::npos);
  CHECK(outcome.error.cls == failure_class::permanent);
  CHECK(outcome.error.domain == failure_domain::user);
}
