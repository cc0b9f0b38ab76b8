#include "apps/caf_node_id.hpp"

#include <caf/all.hpp>
#include <caf/detail/get_process_id.hpp>
#include <caf/io/all.hpp>
#include <catch2/catch.hpp>

#include <set>
#include <thread>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr pid_t beyond_pids = 1 << 30;

/// What getpid() answers in a child of this process while its actor system would be made.
pid_t answer_in_a_child() {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const flott::unique_caf_node_id scope;
    const auto answer = static_cast<pid_t>(caf::detail::get_process_id());
    const bool written = ::write(ends[1], &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer);
    ::_exit(written ? 0 : 1);
  }
  pid_t answer = 0;
  REQUIRE(::read(ends[0], &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer));
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  return answer;
}

}  // namespace

TEST_CASE("every process has another id, even one that got an old pid") {
  // Forked before this process draws its own number: each child is a first life.
  std::set<pid_t> answers;
  for (int i = 0; i < 8; ++i)
    answers.insert(answer_in_a_child());
  CHECK(answers.size() == 8);
  CHECK(*answers.begin() >= beyond_pids);
}

TEST_CASE("only in the scope, and only on its thread, is another pid seen") {
  const auto real = static_cast<pid_t>(::syscall(SYS_getpid));
  const auto caf_sees = [] { return static_cast<pid_t>(caf::detail::get_process_id()); };
  CHECK(caf_sees() == real);
  {
    const flott::unique_caf_node_id outer;
    const auto answer = caf_sees();
    CHECK(answer >= beyond_pids);
    {
      const flott::unique_caf_node_id inner;
      CHECK(caf_sees() == answer);
    }
    CHECK(caf_sees() == answer);
    pid_t elsewhere = 0;
    std::thread([&] { elsewhere = caf_sees(); }).join();
    CHECK(elsewhere == real);
  }
  CHECK(caf_sees() == real);
}

TEST_CASE("an actor system made in the scope has the id") {
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  const auto made = [&] {
    const flott::unique_caf_node_id scope;
    return std::make_unique<caf::actor_system>(config);
  }();
  const auto id = to_string(made->node());   // "machine#process"
  INFO(id);
  CHECK(std::stol(id.substr(id.rfind('#') + 1)) >= beyond_pids);
  CHECK(::getpid() == static_cast<pid_t>(::syscall(SYS_getpid)));
}
