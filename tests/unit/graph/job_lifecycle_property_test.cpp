// Any sequence of events, sensible or not: what must hold is checked by job_world, and the job can always be brought to
// an end that holds no slots.
#include "lifecycle_fixture.hpp"
#include "runtime/graph/job_states.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace flott;
using namespace flott::testing;
using namespace std::chrono_literals;

namespace {

void step(job_world& w, std::uint32_t dice) {
  auto& job = w.job();
  const auto pick = dice / 32;
  const auto tm = "tm" + std::to_string(1 + pick % 2);
  const auto error = transient_failure("somewhere", "something");
  w.pass(std::chrono::milliseconds{pick % 50});
  switch (dice % 32) {
    default: w.answer_next(); break;
    case 10: case 11: case 12: w.fire_timer(); break;
    case 13: w.lose_cancellation(); break;
    case 14: w.silent_tasks = !w.silent_tasks; break;
    case 15: case 16: case 17: case 18:
      if (const auto running = w.running(); !running.empty()) {
        const auto& [where, attempt] = running[pick % running.size()];
        w.report(where, attempt, static_cast<msg::TaskState>(1 + pick % (msg::TaskState_ARRAYSIZE - 1)), error);
      }
      break;
    case 19: w.lose(tm, pick % 2 == 0 ? 9 : 0); break;
    case 20: w.lose(tm, 11, pick % 8 == 0 ? "job" : "other"); break;
    case 21: w.take(job.deploy_failed(tm, pick % 4, pick % 3 == 0 ? resource_failure("slot", "?") : error, w.now())); break;
    case 22: w.take(job.slots_refused(error, w.now())); break;
    case 23: w.take(job.slots_granted(std::vector(3, slot("stray", tm, "never lived")), w.now())); break;
    case 24: w.take(job.plan_failed(error, w.now())); break;
    case 25: w.take(job.publish_failed(error, w.now())); break;
    case 26: w.take(job.resource_manager_changed(w.now())); break;
    case 27: w.take(job.commit_persisted(w.now())); break;
    case 28: w.take(job.planned(word_count_graph(), w.now())); break;
    case 29: w.take(job.graph_persisted(w.now())); break;
    case 30:
      if (pick % 16 == 0)
        w.take(job.cancel_requested(w.now()));
      break;
    case 31:
      if (pick % 16 == 0)
        w.take(job.suspend(w.now()));
      break;
  }
}

void play(job_world& w, const std::vector<std::uint32_t>& script) {
  for (const auto dice : script)
    step(w, dice * 2654435761U >> 4);
}

}  // namespace

TEST_CASE("after any events a job can be cancelled, and then holds nothing") {
  CHECK(rc::check([](const std::vector<std::uint32_t>& script) {
    job_world w;
    play(w, script);
    w.take(w.job().cancel_requested(w.now()));
    for (int i = 0; i < 1000 && !w.job().ended(); ++i)
      if (!w.answer_next())
        RC_ASSERT(w.fire_timer());   // something is always awaited
    RC_ASSERT(w.job().ended());
    RC_ASSERT(w.held() == 0U);
  }));
}

TEST_CASE("after any events a job comes to an end once everything works, and publishes one attempt's results at most") {
  CHECK(rc::check([](const std::vector<std::uint32_t>& script) {
    job_world w;
    play(w, script);
    w.silent_tasks = false;
    // Tasks that were silent so far stay so until their TaskManager is given up.
    for (int i = 0; i < 2000 && !w.job().ended(); ++i)
      if (!w.answer_next()) {
        if (w.state() == msg::JOB_STATE_RUNNING && !w.running().empty())
          w.lose(w.running()[0].first);
        else
          RC_ASSERT(w.fire_timer());
      }
    RC_ASSERT(w.job().ended());
    RC_ASSERT(w.held() == 0U);
    RC_ASSERT(std::set(w.published().begin(), w.published().end()).size() <= 1U);
  }));
}
