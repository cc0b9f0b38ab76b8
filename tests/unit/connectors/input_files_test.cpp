#include "runtime/connectors/input_files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/connectors/files.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace flott;

TEST_CASE("a glob gives its files sorted by path", "[files]") {
  const testing::temporary_folder folder;
  const std::string b = write_file(folder / "b.txt", "12");
  const std::string a = write_file(folder / "a.txt", "1");
  write_file(folder / "c.log", "123");
  const auto found = list_input_files((folder / "*.txt").string());
  REQUIRE(found.ok());
  CHECK(*found == std::vector<input_file>{{a, 1}, {b, 2}});
}

TEST_CASE("a file whose name looks like a glob is found by it", "[files]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "what[1]?.txt", "x");
  CHECK(*list_input_files(path) == std::vector<input_file>{{path, 1}});
}

TEST_CASE("input that is not there fails for good and is named", "[files]") {
  const testing::temporary_folder folder;
  const auto fails = [](const std::string& pattern, const std::string& words) {
    CAPTURE(pattern);
    const auto found = list_input_files(pattern);
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().cls == failure_class::permanent);
    CHECK(found.error().domain == failure_domain::user);
    CHECK(found.error().to_string().find(pattern) != std::string::npos);
    CHECK(found.error().to_string().find(words) != std::string::npos);
  };
  std::filesystem::create_directory(folder / "inner");
  fails((folder / "missing.txt").string(), "no such file");
  fails((folder / "none-*.txt").string(), "no file matches");
  fails((folder / "inner").string(), "folder");
  fails("/dev/null", "not a regular file");
  const auto with_folder = list_input_files((folder / "*").string());
  REQUIRE_FALSE(with_folder.ok());
  CHECK(with_folder.error().where == (folder / "inner").string());
  CHECK_FALSE(list_input_files("").ok());
}

TEST_CASE("splits cover each file without a gap", "[files]") {
  const std::vector<input_file> files{{"a", 0}, {"b", 10}, {"c", 3}};
  CHECK(plan_splits(files, 4) == std::vector<file_split>{{"b", 0, 4, 10}, {"b", 4, 8, 10}, {"b", 8, 10, 10},
                                                         {"c", 0, 3, 3}});
  CHECK(plan_splits(files, 1000).size() == 2);
  CHECK(plan_splits({}, 10).empty());
  CHECK(default_split_bytes(0) == 1 << 20);
  CHECK(default_split_bytes(640ULL << 20) == 10 << 20);
  CHECK(default_split_bytes(1ULL << 50) == 32 << 20);
}

TEST_CASE("line numbers count from the start of the file", "[files]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "text", "a\nbc\n\nd");
  CHECK(line_number_at(path, 0) == 1);
  CHECK(line_number_at(path, 1) == 1);
  CHECK(line_number_at(path, 2) == 2);
  CHECK(line_number_at(path, 6) == 4);
  CHECK(line_number_at(path, 100) == 0);
  CHECK(line_number_at((folder / "missing").string(), 0) == 0);
}
