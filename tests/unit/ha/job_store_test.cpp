#include "runtime/ha/job_store.hpp"

#include "runtime/base/env.hpp"
#include "runtime/ha/record_file.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace flott;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<job_store> open_store(const fs::path& folder) {
  auto store = open_file_job_store(system_env(), folder);
  REQUIRE(store.ok());
  return std::move(*store);
}

msg::StoredJob job(char digit, std::int64_t submitted = 0) {
  msg::StoredJob j;
  j.mutable_spec()->set_job_id(std::string(32, digit));
  j.mutable_spec()->set_submitted_unix_ms(submitted);
  return j;
}

fs::path upload(const job_store& store, const std::string& content) {
  const auto path = store.upload_folder() / "upload";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Of "abc", from FIPS 180-2.
const std::string abc_hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_CASE("CRC32C has its published check value") {
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c("") == 0);
}

TEST_CASE("jobs survive their store, by time of submission") {
  testing::temporary_folder folder;
  {
    auto store = open_store(folder / "jobs");
    REQUIRE(store->put(job('b', 1)).ok());
    REQUIRE(store->put(job('a', 2)).ok());
    REQUIRE(store->put(job('c', 3)).ok());
    auto changed = job('b', 1);
    changed.set_epoch(7);
    REQUIRE(store->put(changed).ok());
    REQUIRE(store->remove(std::string(32, 'c')).ok());
    REQUIRE(store->remove(std::string(32, 'c')).ok());
  }
  const auto all = open_store(folder / "jobs")->load();
  REQUIRE(all.ok());
  CHECK(all->damaged.empty());
  REQUIRE(all->jobs.size() == 2);
  CHECK(all->jobs[0].epoch() == 7);
  CHECK(all->jobs[1].spec().job_id() == std::string(32, 'a'));
}

TEST_CASE("ids that could leave the folder are refused") {
  testing::temporary_folder folder;
  auto store = open_store(folder / "jobs");
  msg::StoredJob j;
  j.mutable_spec()->set_job_id("../../../../../../etc/passwd-of-mine");
  CHECK_FALSE(store->put(j).ok());
  CHECK_FALSE(store->remove("../secret").ok());
}

TEST_CASE("damage anywhere in a job's file is noticed, named and set aside") {
  testing::temporary_folder folder;
  auto store = open_store(folder / "jobs");
  const auto path = folder / "jobs" / (std::string(32, 'a') + ".job");
  REQUIRE(store->put(job('b')).ok());
  REQUIRE(store->put(job('a', 77)).ok());
  const auto whole = slurp(path);
  std::vector<std::string> broken{"", "FLOTTJOB", whole.substr(0, whole.size() - 1), whole + "x"};
  for (std::size_t i = 0; i < whole.size(); ++i) {
    broken.push_back(whole);
    broken.back()[i] = static_cast<char>(broken.back()[i] ^ 0x40);
  }
  for (const auto& content : broken) {
    std::ofstream(path, std::ios::binary) << content;
    const auto all = store->load();
    REQUIRE(all.ok());
    REQUIRE(all->damaged.size() == 1);
    CHECK(all->damaged[0].where == path.string());
    CHECK(all->jobs.size() == 1);
    CHECK_FALSE(fs::exists(path));
    CHECK(fs::exists(path.string() + ".corrupt"));
  }
  CHECK(store->load()->damaged.empty());
}

TEST_CASE("a file under another job's name is not taken for that job") {
  testing::temporary_folder folder;
  auto store = open_store(folder / "jobs");
  REQUIRE(store->put(job('a')).ok());
  fs::rename(folder / "jobs" / (std::string(32, 'a') + ".job"), folder / "jobs" / (std::string(32, 'b') + ".job"));
  CHECK(store->load()->damaged.size() == 1);
}

TEST_CASE("a blob is known by its hash and keeps its first name") {
  testing::temporary_folder folder;
  {
    auto store = open_store(folder / "jobs");
    const auto added = store->add_blob(upload(*store, "abc"), "some/folder/words.so", "", 5);
    REQUIRE(added.ok());
    CHECK(added->sha256 == abc_hash);
    CHECK(added->original_name == "words.so");
    CHECK(slurp(added->path) == "abc");
    const auto again = store->add_blob(upload(*store, "abc"), "other.so", abc_hash, 9);
    REQUIRE(again.ok());
    CHECK(again->original_name == "words.so");
    CHECK(fs::is_empty(store->upload_folder()));
    REQUIRE(store->add_blob(upload(*store, "earlier"), "e.so", "", 1).ok());
  }
  auto store = open_store(folder / "jobs");
  REQUIRE(store->blobs().size() == 2);
  CHECK(store->blobs()[0].original_name == "e.so");
  CHECK(store->blobs()[1].uploaded_unix_ms == 5);
  CHECK(store->blobs()[1].bytes == 3);
  REQUIRE(store->blob(abc_hash));
  CHECK_FALSE(store->blob(std::string(64, '0')));
  REQUIRE(store->remove_blob(abc_hash).ok());
  CHECK_FALSE(store->blob(abc_hash));
  CHECK_FALSE(fs::exists(folder / "jobs" / "blobs" / abc_hash));
  CHECK(open_store(folder / "jobs")->blobs().size() == 1);
}

TEST_CASE("content that is not what it claims to be is refused") {
  testing::temporary_folder folder;
  auto store = open_store(folder / "jobs");
  const auto added = store->add_blob(upload(*store, "abd"), "words.so", abc_hash, 5);
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().where == "words.so");
  CHECK(fs::is_empty(store->upload_folder()));
  CHECK(store->blobs().empty());
}

TEST_CASE("a crash leaves no rubbish that is taken for a blob") {
  testing::temporary_folder folder;
  {
    auto store = open_store(folder / "jobs");
    REQUIRE(store->add_blob(upload(*store, "abc"), "words.so", "", 5).ok());
    upload(*store, "half an upl");
  }
  const auto blobs = folder / "jobs" / "blobs";
  std::ofstream(blobs / std::string(64, 'a')) << "torn";
  const auto unfinished = (blobs / std::string(64, 'b')).string() + std::string(temporary_suffix);
  std::ofstream{unfinished} << "cut off";
  fs::remove(blobs / (abc_hash + ".info"));
  auto store = open_store(folder / "jobs");
  CHECK(fs::is_empty(store->upload_folder()));
  CHECK_FALSE(fs::exists(unfinished));
  REQUIRE(store->blobs().size() == 1);
  CHECK(store->blobs()[0].sha256 == abc_hash);
  CHECK(fs::exists(blobs / (std::string(64, 'a') + ".corrupt")));
  CHECK(*sha256_of_file(system_env(), blobs / abc_hash) == abc_hash);
  CHECK(sha256_of("abc") == abc_hash);
}
