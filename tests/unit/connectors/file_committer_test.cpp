#include "runtime/connectors/file_committer.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/connectors/files.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <set>

using namespace flott;
namespace fs = std::filesystem;

namespace {

const job_id job = job_id::from_words(1, 2);
const job_id other_job = job_id::from_words(3, 4);

/// A file written aside as a sink does it.
msg::Committable written_aside(const fs::path& directory, const std::string& name, const std::string& content) {
  const auto aside = make_aside_folder(directory.string(), job);
  REQUIRE(aside.ok());
  const std::string temporary = write_file(fs::path(*aside) / (fs::path(name).filename().string() + "-0-1"), content);
  mark_published(temporary, job);
  return to_committable({job, directory.string(), temporary, (directory / name).string()}, "sink");
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("publishing puts the files in their place and nothing else", "[commit]") {
  const testing::temporary_folder folder;
  const fs::path out = folder / "deep/out";
  const std::vector<msg::Committable> committables{written_aside(out, "a.csv", "1"), written_aside(out, "b.csv", "2"),
                                                   written_aside(out, "parts/part-0.csv", "3")};
  REQUIRE(file_committer::publish(committables).ok());
  CHECK(names_in(out) == std::set<std::string>{"a.csv", "b.csv", "parts"});
  CHECK(read_file(out / "a.csv") == "1");
  CHECK(read_file(out / "parts/part-0.csv") == "3");

  SECTION("again is the same") {
    REQUIRE(file_committer::publish(committables).ok());
    CHECK(read_file(out / "a.csv") == "1");
    CHECK(names_in(out).size() == 3);
  }
  SECTION("the same job may write again, another one may not") {
    CHECK(check_output_directory(out.string(), job).ok());
    const auto refused = check_output_directory(out.string(), other_job);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().where == out.string());
    CHECK(refused.error().domain == failure_domain::user);
    const std::vector<msg::Committable> next{written_aside(out, "a.csv", "new")};
    REQUIRE(file_committer::publish(next).ok());
    CHECK(read_file(out / "a.csv") == "new");
  }
  SECTION("not beside a file of somebody else") {
    write_file(out / "notes.txt", "mine");
    const auto refused = check_output_directory(out.string(), job);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("notes.txt") != std::string::npos);
  }
  SECTION("nor among its own parts") {
    write_file(out / "parts/notes.txt", "mine");
    CHECK_FALSE(check_output_directory(out.string(), job).ok());
  }
}

TEST_CASE("a commit cut off at any point can be redone", "[commit]") {
  const testing::temporary_folder folder;
  const fs::path out = folder / "out";
  const std::vector<msg::Committable> committables{written_aside(out, "a.csv", "1"), written_aside(out, "b.csv", "2")};
  SECTION("after the first file") { fs::rename(from_committable(committables[0])->temporary, out / "a.csv"); }
  SECTION("after all files") {
    fs::rename(from_committable(committables[0])->temporary, out / "a.csv");
    fs::rename(from_committable(committables[1])->temporary, out / "b.csv");
  }
  REQUIRE(file_committer::publish(committables).ok());
  CHECK(names_in(out) == std::set<std::string>{"a.csv", "b.csv"});
  CHECK(read_file(out / "b.csv") == "2");
}

TEST_CASE("a result that is gone is an error", "[commit]") {
  const testing::temporary_folder folder;
  const std::vector<msg::Committable> committables{written_aside(folder / "out", "a.csv", "1")};
  fs::remove(from_committable(committables[0])->temporary);
  const auto outcome = file_committer::publish(committables);
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().where == (folder / "out/a.csv").string());
}

TEST_CASE("a file that came meanwhile is not replaced", "[commit]") {
  const testing::temporary_folder folder;
  const std::vector<msg::Committable> committables{written_aside(folder / "out", "a.csv", "1")};
  write_file(folder / "out/a.csv", "somebody's");
  CHECK_FALSE(file_committer::publish(committables).ok());
  CHECK(read_file(folder / "out/a.csv") == "somebody's");
}

TEST_CASE("an abort leaves nothing behind", "[commit]") {
  const testing::temporary_folder folder;
  SECTION("of a folder the job made") {
    const std::vector<msg::Committable> committables{written_aside(folder / "out", "a.csv", "1")};
    REQUIRE(file_committer::abort(committables).ok());
    CHECK_FALSE(fs::exists(folder / "out"));
    CHECK(file_committer::abort(committables).ok());
  }
  SECTION("of a folder that was there") {
    fs::create_directory(folder / "out");
    const std::vector<msg::Committable> committables{written_aside(folder / "out", "a.csv", "1")};
    REQUIRE(file_committer::abort((folder / "out").string(), job, 99).ok());
    CHECK(fs::is_empty(folder / "out"));
  }
  SECTION("of a folder the job made, when one sink begins while another gives up") {
    const std::string out = (folder / "out").string();
    const auto aside = make_aside_folder(out, job);
    REQUIRE(aside.ok());
    fs::remove(*aside);                                  // the other's, half-way through leave_aside_folder
    REQUIRE(make_aside_folder(out, job).ok());
    leave_aside_folder(out, job);
    CHECK_FALSE(fs::exists(out));
  }
  SECTION("but what a later epoch of the job writes") {
    const auto aside = make_aside_folder((folder / "out").string(), job);
    REQUIRE(aside.ok());
    for (const char* name : {"a.csv-0-1-0-0", "a.csv-0-2-7-0", "b-12-10-0-3"})
      write_file(fs::path(*aside) / name, "x");
    REQUIRE(file_committer::abort((folder / "out").string(), job, 2).ok());
    CHECK_FALSE(fs::exists(fs::path(*aside) / "a.csv-0-1-0-0"));
    CHECK_FALSE(fs::exists(fs::path(*aside) / "a.csv-0-2-7-0"));
    CHECK(fs::exists(fs::path(*aside) / "b-12-10-0-3"));
  }
}

TEST_CASE("the output folder is judged before anything is written", "[commit]") {
  const testing::temporary_folder folder;
  CHECK(check_output_directory((folder / "missing/deep").string(), job).ok());
  CHECK(check_output_directory(folder.path().string(), job).ok());
  REQUIRE(make_aside_folder(folder.path().string(), job).ok());
  CHECK(check_output_directory(folder.path().string(), job).ok());
  CHECK_FALSE(check_output_directory(folder.path().string(), other_job).ok());
  const std::string file = write_file(folder / "file", "x");
  CHECK_FALSE(check_output_directory(file, job).ok());
}

TEST_CASE("committables survive any path and refuse any other text", "[commit]") {
  const file_committable file{job, "/a b", "/a b/.flott/\xff%\n-0", "/a b/\xc3\xa4.csv"};
  const msg::Committable sent = to_committable(file, "sink");
  for (const char c : sent.payload())
    REQUIRE(static_cast<unsigned char>(c) < 0x80);
  REQUIRE(from_committable(sent).ok());
  CHECK(*from_committable(sent) == file);
  for (const std::string payload : {"", "x", "0\n/a\n/b\n/c\n", "%", "\n\n\n\n"}) {
    msg::Committable bad = sent;
    bad.set_payload(payload);
    CHECK_FALSE(from_committable(bad).ok());
  }
  msg::Committable relative = to_committable({job, "a", "b", "c"}, "sink");
  CHECK_FALSE(from_committable(relative).ok());
}

TEST_CASE("two results for one place are refused before either is put there", "[commit]") {
  const testing::temporary_folder folder;
  const fs::path out = folder / "out";
  const std::vector<msg::Committable> committables{written_aside(out, "a.csv", "1"), written_aside(out, "b.csv", "2"),
                                                   written_aside(out, "b.csv", "3")};
  const auto refused = file_committer::publish(committables);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where == (out / "b.csv").string());
  CHECK(refused.error().domain == failure_domain::user);
  CHECK_FALSE(fs::exists(out / "a.csv"));
}
