#include "actors/committer.hpp"
#include "actors/exit_reason.hpp"
#include "runtime/connectors/file_committer.hpp"
#include "tests/support/temporary_folder.hpp"
#include "testing/virtual_system.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace flott;
using namespace flott::testing;
namespace fs = std::filesystem;

namespace {

const job_id job = job_id::from_words(1, 2);

/// A COMMITTER, and a sink's output folder.
class scene {
 public:
  scene() : committer_(actors_.system().spawn(committer)) {}
  ~scene() { caf::anon_send_exit(committer_, caf::exit_reason::kill); }

  /// A file written aside, as a sink of the job does under an epoch.
  msg::Committable write_aside(const std::string& name, std::uint64_t epoch = 1) {
    const auto aside = make_aside_folder(out().string(), job).value();
    const auto temporary = fs::path(aside) / (name + "-" + std::to_string(epoch));
    std::ofstream(temporary) << name;
    return to_committable({job, out().string(), temporary.string(), (out() / name).string()}, "sink");
  }
  auto publish(std::vector<msg::Committable> files) {
    return actors_.ask<bool>(committer_, atom::put_v,
                             std::make_shared<const std::vector<msg::Committable>>(std::move(files)));
  }
  void forget(std::vector<msg::Committable> files) {
    caf::anon_send(committer_, atom::forget_v, std::make_shared<const std::vector<msg::Committable>>(std::move(files)));
  }
  void clear(const std::string& owner) {
    caf::anon_send(committer_, atom::forget_v, out().string(), owner, std::uint64_t{1});
  }
  auto flush() { return actors_.ask<bool>(committer_, atom::flush_v); }
  void settle() { actors_.settle(); }
  bool step() { return actors_.step(); }
  [[nodiscard]] fs::path out() const { return folder_ / "out"; }
  [[nodiscard]] bool there(const std::string& name) const { return fs::exists(out() / name); }

 private:
  temporary_folder folder_;
  virtual_system actors_;
  committer_actor committer_;
};

}  // namespace

TEST_CASE("files are published, and again without harm") {
  scene s;
  const auto file = s.write_aside("a.csv");
  for (int i = 0; i < 2; ++i) {
    const auto done = s.publish({file});
    s.settle();
    CHECK(done->value == true);
    CHECK(s.there("a.csv"));
  }
}

TEST_CASE("what can't be published is answered as the failure that it is") {
  scene s;
  const auto file = s.write_aside("a.csv");
  fs::remove_all(s.out());
  const auto done = s.publish({file});
  s.settle();
  REQUIRE(done->error);
  const auto why = to_failure(done->error);
  const auto told = file_committer::publish(std::vector<msg::Committable>{file});
  REQUIRE_FALSE(told.ok());
  CHECK(why == told.error());                           // its class decides whether the job tries again
  const auto next = s.publish({s.write_aside("b.csv")});
  s.settle();
  CHECK(next->value == true);                           // it goes on working
}

TEST_CASE("what is told after something is done after it") {
  scene s;
  SECTION("discarded, then published: the file is gone, and that is an error") {
    const auto file = s.write_aside("a.csv");
    s.forget({file});
    const auto done = s.publish({file});
    s.settle();
    CHECK(done->error);
  }
  SECTION("published, then discarded: it stays") {
    const auto file = s.write_aside("a.csv");
    const auto done = s.publish({file});
    while (done->pending())
      s.step();
    s.forget({file});
    s.settle();
    CHECK(s.there("a.csv"));
  }
  SECTION("a flush is answered when the folder has been cleared") {
    s.write_aside("a.csv");
    s.clear(job.hex());
    const auto done = s.flush();
    while (done->pending())
      s.step();
    CHECK_FALSE(fs::exists(aside_folder(s.out().string(), job)));
  }
}

TEST_CASE("a folder is cleared of what this job left there, not of another's") {
  scene s;
  s.write_aside("a.csv");
  s.clear(job_id::from_words(3, 4).hex());
  s.clear("no job at all");
  s.settle();
  CHECK(fs::exists(aside_folder(s.out().string(), job)));
}
