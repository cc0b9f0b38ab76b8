#include "runtime/base/simulated_env.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <set>
#include <sys/stat.h>

using namespace flott;
using namespace std::chrono_literals;

namespace {

/// What both environments promise about files.
void check_files(env& e, const std::filesystem::path& root) {
  REQUIRE(e.make_directories(root / "a/b").ok());
  REQUIRE(e.make_directories(root / "a/b").ok());
  CHECK(e.list(root / "a/b").value().empty());

  const auto file = root / "a/b/file";
  CHECK_FALSE(e.exists(file));
  CHECK(e.read_file(file).error().where == file.string());
  REQUIRE(e.write_file(file, "one").ok());
  REQUIRE(e.write_file(file, std::string("two\0three", 9)).ok());
  CHECK(e.read_file(file).value() == std::string("two\0three", 9));
  REQUIRE(e.write_file(root / "a/b/another", "").ok());
  CHECK(e.list(root / "a/b").value() == std::vector<std::string>{"another", "file"});
  CHECK(e.list(root / "a").value() == std::vector<std::string>{"b"});

  CHECK_FALSE(e.write_file(root / "missing/file", "x").ok());
  CHECK_FALSE(e.write_file(root / "a/b", "x").ok());
  CHECK_FALSE(e.read_file(root / "a/b").ok());
  CHECK_FALSE(e.make_directories(file / "c").ok());
  CHECK_FALSE(e.list(root / "missing").ok());
  CHECK_FALSE(e.rename(root / "missing", root / "x").ok());
  CHECK_FALSE(e.remove(root / "a").ok());

  REQUIRE(e.rename(file, root / "a/moved").ok());
  CHECK_FALSE(e.exists(file));
  CHECK(e.read_file(root / "a/moved").value().starts_with("two"));
  REQUIRE(e.rename(root / "a/b", root / "a/c").ok());
  CHECK(e.list(root / "a/c").value() == std::vector<std::string>{"another"});

  REQUIRE(e.remove(root / "a/moved").ok());
  REQUIRE(e.remove(root / "a/moved").ok());
  REQUIRE(e.remove(root / "a/c/another").ok());
  REQUIRE(e.remove(root / "a/c").ok());
  CHECK(e.list(root / "a").value().empty());
}

}  // namespace

TEST_CASE("files behave alike in both environments") {
  SECTION("real") {
    testing::temporary_folder folder;
    check_files(system_env(), folder.path());
  }
  SECTION("simulated") {
    simulated_env e(1);
    check_files(e, "/data");
    check_files(e, "relative");
  }
}

TEST_CASE("a written file has its mode and leaves nothing else behind") {
  testing::temporary_folder folder;
  REQUIRE(system_env().write_file(folder / "secret", "x", 0600).ok());
  struct stat info{};
  REQUIRE(::stat((folder / "secret").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK_FALSE(system_env().write_file(folder.path(), "a folder is in the way").ok());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("the simulated clock moves only when told") {
  simulated_env e(1, 5000);
  const auto start = e.now();
  CHECK(e.now() == start);
  CHECK(e.now_unix_ms() == 5000);
  e.advance(1500ms);
  CHECK(e.now() - start == 1500ms);
  CHECK(e.now_unix_ms() == 6500);
}

TEST_CASE("randomness follows the seed, and the machine's does not repeat") {
  simulated_env a(7), b(7), c(8);
  const auto first = new_job_id(a);
  CHECK(first == new_job_id(b));
  CHECK(first != new_job_id(c));
  CHECK(first != new_job_id(a));
  std::set<incarnation_id> seen;
  for (int i = 0; i < 1000; ++i)
    CHECK(seen.insert(new_incarnation(system_env())).second);
}

TEST_CASE("a failing write changes nothing") {
  simulated_env e(1);
  REQUIRE(e.write_file("f", "before").ok());
  e.fail_writes(2);
  CHECK(e.write_file("f", "after").error().cls == failure_class::transient);
  CHECK_FALSE(e.write_file("g", "after").ok());
  CHECK(e.read_file("f").value() == "before");
  CHECK_FALSE(e.exists("g"));
  CHECK(e.write_file("f", "after").ok());

  e.inject([](simulated_env::operation what, const std::filesystem::path& path) -> std::optional<failure> {
    if (what == simulated_env::operation::rename && path == "f")
      return system_failure("f", "cannot rename", EIO);
    return std::nullopt;
  });
  CHECK_FALSE(e.rename("f", "h").ok());
  CHECK(e.exists("f"));
  e.inject({});
  CHECK(e.rename("f", "h").ok());
}
