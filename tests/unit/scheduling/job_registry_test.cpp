#include "runtime/scheduling/job_registry.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace flott;
using namespace std::chrono_literals;

namespace {

const instant start{std::chrono::steady_clock::time_point{} + 1h, 1'000};

std::string hex(int n) {
  auto digits = std::to_string(n);
  return std::string(32 - digits.size(), '0') + digits;
}

msg::JobSpec spec(int n, const std::string& parameter = "x") {
  msg::JobSpec s;
  s.set_job_id(hex(n));
  s.set_name("job " + std::to_string(n));
  s.set_module_sha256(std::string(64, 'a'));
  s.set_function("main");
  s.set_submitted_unix_ms(n);
  auto& p = *s.add_parameters();
  p.set_key("input");
  p.set_value(parameter);
  return s;
}

msg::RegisterNode node(const std::string& id, const std::string& incarnation = "i1",
                       const std::vector<std::pair<int, std::uint64_t>>& jobs = {}) {
  msg::RegisterNode n;
  n.set_node_id(id);
  n.mutable_header()->set_incarnation(incarnation);
  n.mutable_rpc()->set_host(id);
  for (const auto& [job, epoch] : jobs) {
    auto& r = *n.add_jobs();
    r.set_job_id(hex(job));
    r.set_epoch(epoch);
  }
  return n;
}

template <class T>
std::vector<T> of(const registry_actions& actions) {
  std::vector<T> all;
  for (const auto& a : actions)
    if (const auto* t = std::get_if<T>(&a))
      all.push_back(*t);
  return all;
}

using persist = registry_action::persist;
using assign = registry_action::assign;

msg::JobEnded ended(int job, std::uint64_t epoch, msg::JobState state = msg::JOB_STATE_FINISHED) {
  msg::JobEnded e;
  e.set_job_id(hex(job));
  e.set_epoch(epoch);
  e.mutable_snapshot()->set_job_id(hex(job));
  e.mutable_snapshot()->set_epoch(epoch);
  e.mutable_snapshot()->set_state(state);
  return e;
}

}  // namespace

TEST_CASE("a submission is durable before it is given to a node, once") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  const auto s = r.submit(spec(1), start);
  CHECK_FALSE(s.reply.has_failure());
  CHECK_FALSE(s.reply.existed());
  REQUIRE(s.actions.size() == 2);
  CHECK(std::get<persist>(s.actions[0]).job.epoch() == 1);
  CHECK(std::get<assign>(s.actions[1]).message.epoch() == 1);

  const auto hasty = r.submit(spec(1), start);   // before the disk has answered
  CHECK(hasty.reply.existed());
  CHECK(of<persist>(hasty.actions).size() == 1);
  CHECK(of<assign>(hasty.actions).empty());

  r.persisted(hex(1));
  auto again = spec(1);
  again.set_name("renamed");
  again.set_parallelism(7);
  CHECK(r.submit(again, start).reply.existed());
  CHECK(r.submit(again, start).actions.empty());
  CHECK(r.submit(spec(1, "other"), start).reply.http_status() == 409);
  CHECK(r.all().size() == 1);
  CHECK(r.snapshot(hex(1))->state() == msg::JOB_STATE_INITIALIZING);
}

TEST_CASE("a job that could not be stored never was") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  const auto reply = r.persist_failed(hex(1), transient_failure("jobs", "disk full"), start);
  REQUIRE(reply);
  CHECK(reply->http_status() == 503);
  CHECK(r.find(hex(1)) == nullptr);
  CHECK(r.unfinished() == 0);
  CHECK(r.placement().jobs_on("jm1") == 0);
  CHECK_FALSE(r.submit(spec(1, "other"), start).reply.has_failure());
}

TEST_CASE("jobs wait for a node in their order and go to the least loaded") {
  job_registry_config c;
  c.max_jobs_per_node = 2;
  job_registry r(c);
  for (int i = 1; i <= 5; ++i)
    CHECK(of<assign>(r.submit(spec(i), start).actions).empty());
  CHECK(r.waiting() == 5);
  const auto first = of<assign>(r.node_registered(node("jm1"), start).actions);
  REQUIRE(first.size() == 2);
  CHECK(first[0].message.spec().job_id() == hex(1));
  CHECK(first[1].message.spec().job_id() == hex(2));
  CHECK(of<assign>(r.node_registered(node("jm2"), start).actions).size() == 2);
  CHECK(r.waiting() == 1);
  const auto next = of<assign>(*r.ended(ended(1, 1), start));
  REQUIRE(next.size() == 1);
  CHECK(next[0].message.spec().job_id() == hex(5));
  CHECK(r.counts()[msg::JOB_STATE_FINISHED] == 1);
}

TEST_CASE("too many unfinished jobs are refused for a while") {
  job_registry_config c;
  c.max_unfinished_jobs = 1;
  job_registry r(c);
  r.submit(spec(1), start);
  const auto s = r.submit(spec(2), start);
  CHECK(s.reply.http_status() == 429);
  CHECK(s.reply.retry_after_s() > 0);
  CHECK(r.submit(spec(1), start).reply.existed());
}

TEST_CASE("a lost node's jobs go elsewhere under a higher epoch that is durable first") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  r.assign_answered(hex(1), 1, std::nullopt, start);
  msg::JobPlanned planned;
  planned.set_job_id(hex(1));
  planned.set_epoch(1);
  planned.mutable_graph()->set_fingerprint("f");
  CHECK(of<persist>(*r.planned(planned, start))[0].job.graph().fingerprint() == "f");
  r.node_registered(node("jm2"), start);
  CHECK(r.node_lost("jm1", "other life", start).empty());
  const auto actions = r.node_lost("jm1", "i1", start);
  REQUIRE(actions.size() == 2);
  CHECK(std::get<persist>(actions[0]).job.epoch() == 2);
  const auto& a = std::get<assign>(actions[1]);
  CHECK(a.node_id == "jm2");
  CHECK(a.message.epoch() == 2);
  CHECK(a.message.graph().fingerprint() == "f");
  CHECK_FALSE(r.planned(planned, start).ok());
  CHECK_FALSE(r.ended(ended(1, 1), start).ok());
  CHECK(r.node_registered(node("jm1", "i2", {{1, 1}}), start).unwanted.size() == 1);
}

TEST_CASE("a node that refuses a job is not asked again at once") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  CHECK(r.assign_answered(hex(1), 1, transient_failure("jm1", "stopping"), start).empty());
  CHECK(r.tick(start + 499ms).empty());
  CHECK(of<assign>(r.node_registered(node("jm2"), start + 100ms).actions).size() == 1);   // another may have it
  CHECK(r.assign_answered(hex(1), 2, transient_failure("jm2", "stopping"), start + 100ms).size() == 2);
}

TEST_CASE("a commit once decided is only published again") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  msg::CommitDecided decided;
  decided.set_job_id(hex(1));
  decided.set_epoch(1);
  decided.add_committables()->set_payload("first");
  CHECK(of<persist>(*r.commit_decided(decided, start))[0].job.commit_decided());
  decided.mutable_committables(0)->set_payload("second");
  CHECK(of<persist>(*r.commit_decided(decided, start))[0].job.committables(0).payload() == "first");
  r.node_lost("jm1", "i1", start);
  CHECK(r.cancel(hex(1), start).reply.http_status() == 202);
  CHECK(r.snapshot(hex(1))->state() == msg::JOB_STATE_INITIALIZING);   // not cancelled: it has to be published
  const auto a = of<assign>(r.node_registered(node("jm2"), start).actions);
  REQUIRE(a.size() == 1);
  CHECK(a[0].message.commit_decided());
  CHECK(a[0].message.committed(0).payload() == "first");
}

TEST_CASE("cancelling answers by what the job is") {
  job_registry r({});
  CHECK(r.cancel(hex(1), start).reply.http_status() == 404);
  r.submit(spec(1), start);
  const auto waiting = r.cancel(hex(1), start + 5ms);
  CHECK(waiting.reply.http_status() == 202);
  CHECK(of<registry_action::ended>(waiting.actions).size() == 1);
  CHECK(r.snapshot(hex(1))->state() == msg::JOB_STATE_CANCELED);
  CHECK(r.snapshot(hex(1))->end_unix_ms() == 1'005);
  CHECK(r.cancel(hex(1), start).reply.http_status() == 409);

  r.node_registered(node("jm1"), start);
  r.submit(spec(2), start);
  const auto running = r.cancel(hex(2), start);
  CHECK(running.reply.http_status() == 202);
  CHECK(of<persist>(running.actions)[0].job.cancel_requested());
  CHECK(of<registry_action::cancel>(running.actions)[0].node_id == "jm1");
  CHECK(of<persist>(r.cancel(hex(2), start).actions).empty());   // known already; told once more
  // Its node dies before it could cancel: nobody has to run it again.
  const auto lost = r.node_lost("jm1", "i1", start);
  CHECK(of<registry_action::ended>(lost)[0].state == msg::JOB_STATE_CANCELED);
}

TEST_CASE("a restarted dispatcher reclaims what still runs and assigns the rest anew") {
  std::vector<msg::StoredJob> stored(4);
  for (int i = 0; i < 4; ++i) {
    *stored[static_cast<std::size_t>(i)].mutable_spec() = spec(i + 1);
    stored[static_cast<std::size_t>(i)].set_epoch(3);
  }
  stored[2].set_ended(true);
  stored[2].mutable_last_snapshot()->set_state(msg::JOB_STATE_FAILED);
  stored[3].set_epoch(0);
  stored[1].set_cancel_requested(true);
  job_registry r({});
  CHECK(r.recover(stored, start).empty());
  CHECK(r.unfinished() == 3);
  const auto reg = r.node_registered(node("jm1", "i1", {{1, 3}, {2, 2}, {3, 3}, {9, 1}}), start);
  CHECK(reg.unwanted.size() == 3);                                    // stale, ended, unknown
  CHECK(of<assign>(reg.actions).size() == 1);                         // 4 was never given out
  CHECK(r.placement().node_of(hex(1)) == "jm1");
  CHECK(r.ended(ended(1, 3), start).ok());
  CHECK(r.tick(start + 2999ms).empty());
  const auto late = r.tick(start + 3s);
  CHECK(of<registry_action::ended>(late)[0].job_id == hex(2));        // nobody runs it, and it was to be cancelled
  CHECK(r.submit(spec(3), start).reply.existed());
}

TEST_CASE("a node that registers without a job it was given has lost it") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  r.submit(spec(2), start);
  r.assign_answered(hex(1), 1, std::nullopt, start);
  const auto reg = r.node_registered(node("jm1"), start);   // job 2's AssignJob is still under way
  REQUIRE(of<assign>(reg.actions).size() == 1);
  CHECK(of<assign>(reg.actions)[0].message.spec().job_id() == hex(1));
  CHECK(of<assign>(reg.actions)[0].message.epoch() == 2);
}

TEST_CASE("a job whose JobManager keeps crashing fails") {
  job_registry_config c;
  c.max_returns = 3;
  job_registry r(c);
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  msg::ReturnJob back;
  back.set_job_id(hex(1));
  for (std::uint64_t epoch = 1; epoch <= 2; ++epoch) {
    back.set_epoch(epoch);
    CHECK(of<assign>(*r.returned(back, start)).at(0).message.epoch() == epoch + 1);
  }
  back.set_epoch(3);
  CHECK(of<registry_action::ended>(*r.returned(back, start)).at(0).state == msg::JOB_STATE_FAILED);
  CHECK(r.snapshot(hex(1))->failure().message().find("crashed 3 times") != std::string::npos);
}

TEST_CASE("snapshots: newer ones of the right epoch are taken, strangers are named") {
  job_registry r({});
  r.node_registered(node("jm1"), start);
  r.submit(spec(1), start);
  msg::JobSnapshots m;
  const auto send = [&](std::uint64_t epoch, std::uint64_t version, msg::JobState state) {
    auto& s = *m.add_jobs();
    s.set_job_id(hex(1));
    s.set_epoch(epoch);
    s.set_version(version);
    s.set_state(state);
    auto unwanted = r.snapshots(m);
    m.clear_jobs();
    return unwanted;
  };
  CHECK(send(1, 5, msg::JOB_STATE_RUNNING).empty());
  CHECK(send(1, 4, msg::JOB_STATE_CREATED).empty());
  CHECK(r.snapshot(hex(1))->state() == msg::JOB_STATE_RUNNING);
  CHECK(send(2, 9, msg::JOB_STATE_RUNNING).size() == 1);
  CHECK(send(1, 6, msg::JOB_STATE_FINISHED).empty());   // shown once it is durable
  CHECK(r.snapshot(hex(1))->state() == msg::JOB_STATE_RUNNING);
  CHECK_FALSE(r.ended(ended(1, 1, msg::JOB_STATE_RUNNING), start).ok());
  CHECK(of<persist>(*r.ended(ended(1, 1), start)).size() == 1);
  CHECK(of<persist>(*r.ended(ended(1, 1), start)).size() == 1);   // told again: acknowledged again
  CHECK(r.snapshot(hex(1))->state() == msg::JOB_STATE_FINISHED);
}

TEST_CASE("ended jobs are kept up to a limit, 200 at once are fine") {
  job_registry_config c;
  c.retained_jobs = 10;
  job_registry r(c);
  r.node_registered(node("jm1"), start);
  std::size_t assigned = 0;
  std::size_t removed = 0;
  for (int i = 0; i < 200; ++i)
    assigned += of<assign>(r.submit(spec(i), start).actions).size();
  CHECK(assigned == 200);
  for (int i = 0; i < 200; ++i)
    removed += of<registry_action::remove>(*r.ended(ended(i, 1), start)).size();
  CHECK(removed == 190);
  CHECK(r.all().size() == 10);
  CHECK(r.find(hex(0)) == nullptr);
  CHECK(r.unfinished() == 0);
}

TEST_CASE("a job that ends while others are given out is not given out twice") {
  job_registry_config c;
  c.retained_jobs = 0;
  job_registry r(c);
  for (int i = 1; i <= 3; ++i)
    r.submit(spec(i), start);
  r.cancel(hex(2), start);
  CHECK(r.find(hex(2)) == nullptr);
  const auto a = of<assign>(r.node_registered(node("jm1"), start).actions);
  CHECK(a.size() == 2);
}
