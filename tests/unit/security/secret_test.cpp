#include "runtime/base/simulated_env.hpp"
#include "runtime/security/secret.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace flott;
using Catch::Matchers::Contains;

TEST_CASE("a secret is made once, for its owner alone, and read back") {
  testing::temporary_folder folder;
  const auto file = folder / "secret";
  const auto made = read_or_create_secret(file, system_env());
  REQUIRE(made.ok());
  CHECK(made.value().size() == secret_bytes);
  struct stat info{};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(info.st_size == 65);
  CHECK(read_secret(file).value() == made.value());
  CHECK(read_or_create_secret(file, system_env()).value() == made.value());
  CHECK_FALSE(create_secret(file, system_env()).ok());
  REQUIRE(system_env().remove(file).ok());
  CHECK(create_secret(file, system_env()).value() != made.value());
}

TEST_CASE("a secret that others can read, or that is none, is refused by name") {
  testing::temporary_folder folder;
  const auto file = folder / "secret";
  CHECK(read_secret(file).error().where == file.string());
  for (const unsigned mode : {0640u, 0604u, 0644u, 0660u, 0602u}) {
    REQUIRE(system_env().write_file(file, std::string(64, 'a'), 0600).ok());
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    CHECK_THAT(read_secret(file).error().message, Contains("0600"));
  }
  for (const auto& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g'),
                                 std::string(1'000'000, 'a'), std::string(64, '\0'), "0x" + std::string(62, 'a')}) {
    REQUIRE(system_env().write_file(file, text, 0600).ok());
    CHECK_THAT(read_secret(file).error().to_string(), Contains(file.string()) && Contains("64 hex digits"));
  }
  REQUIRE(system_env().write_file(file, std::string(64, 'A') + "\r\n", 0600).ok());
  CHECK(read_secret(file).value() == std::string(32, '\xaa'));
  CHECK_THAT(read_secret(folder.path()).error().message, Contains("not a regular file"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(read_secret(folder / "pipe").error().message, Contains("not a regular file"));
}
