#include "testing/conformance_bench.hpp"

#include "testing/faults.hpp"

#include <thread>

namespace flott::testing::conformance_parts {
namespace {

using namespace std::chrono_literals;

constexpr auto virtual_patience = 120s, real_patience = 60s;

/// Actor systems in which somebody still runs can't be taken down; they stay for as long as the process.
template <class World>
void leave_behind(std::unique_ptr<World> world) {
  static std::mutex mutex;
  static std::vector<std::unique_ptr<World>>& left = *new std::vector<std::unique_ptr<World>>;
  const std::lock_guard lock{mutex};
  left.push_back(std::move(world));
}

}  // namespace

void record::on_event(const supervision_event& event) {
  const std::lock_guard lock{mutex};
  events.push_back(event);
}

std::vector<supervision_event> record::all() {
  const std::lock_guard lock{mutex};
  return events;
}

std::size_t record::count(supervision::report_kind kind, const std::string& child) {
  const std::lock_guard lock{mutex};
  std::size_t n = 0;
  for (const auto& each : events)
    n += each.kind == kind && (child.empty() || each.child == child);
  return n;
}

std::optional<supervision_event> record::last(supervision::report_kind kind, const std::string& child) {
  const std::lock_guard lock{mutex};
  for (auto each = events.rbegin(); each != events.rend(); ++each)
    if (each->kind == kind && (child.empty() || each->child == child))
      return *each;
  return std::nullopt;
}

struct bench::real_world {
  real_world() {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", std::size_t{4});
    system.emplace(config);
  }
  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
};

bench::bench(const conformance_subject& subject, const conformance_options& options) : subject_(subject) {
  if (options.real_time)
    threads_ = std::make_unique<real_world>();
  else
    world_ = std::make_unique<virtual_system>();
}

bench::~bench() {
  stop();
  root_ = nullptr;
  refs_.clear();
  if (!(real_time() && abandoned()) && until([this] { return running() == 0; }))
    return;
  if (world_)
    leave_behind(std::move(world_));
  else
    leave_behind(std::move(threads_));
}

child_spec bench::child(const std::string& id, supervision::restart_policy restart) {
  auto spec = subject_.spec;
  spec.id = id;
  spec.restart = restart;
  spec.significant = false;
  spec.restart_backoff.reset();
  spec.retry_first_start = false;
  spec.ref = refs_[id] = std::make_shared<child_ref>();
  spec.start = [seen = seen_, start = subject_.spec.start](const child_context& context) -> start_outcome {
    {
      const std::lock_guard lock{seen->mutex};
      seen->lives.push_back({context.incarnation, context.ledger, seen->latest ? seen->latest->size() : 0});
      seen->latest = context.ledger;
    }
    intercept_too(*context.vitals, [seen](const caf::type_erased_tuple* message) {
      if (message != nullptr && is_own_message(*message) && seen->crash.exchange(false))
        throw fault_injected("conformance: a crash in a handler");
    });
    auto outcome = start(context);
    seen->supervised = context.vitals->in_use();
    return outcome;
  };
  return spec;
}

child_spec bench::bystander(const std::string& id) {
  child_spec spec;
  spec.id = id;
  spec.ref = refs_[id] = std::make_shared<child_ref>();
  spec.start = spawns([](caf::event_based_actor*) -> caf::behavior { return {[](int x) { return x; }}; });
  return spec;
}

std::string bench::boot(std::vector<child_spec> children, supervision::strategy strategy, unsigned restarts) {
  supervisor_spec spec;
  spec.name = "conformance";
  spec.strategy = strategy;
  spec.intensity = {restarts, 60s};
  spec.children = std::move(children);
  supervision_host host;
  host.observer = seen_;
  host.dead_letters = dead_;
  host.on_started = [seen = seen_] {
    const std::lock_guard lock{seen->mutex};
    seen->started = true;
  };
  host.on_end = [seen = seen_](const supervisor_end& how) {
    const std::lock_guard lock{seen->mutex};
    seen->end = how;
  };
  auto spawned = spawn_supervisor(system(), std::move(spec), host);
  if (!spawned)
    return spawned.error().to_string();
  root_ = spawned.value();
  const bool up = until([this] {
    const std::lock_guard lock{seen_->mutex};
    return seen_->started || seen_->end;
  });
  const std::lock_guard lock{seen_->mutex};
  for (auto& life : seen_->lives)
    life.booked = life.ledger->size();
  if (seen_->end)
    return seen_->end->reason.text;
  return up ? "" : "it is not ready, and its limit did not tell";
}

bool bench::stop() {
  const auto ended = [this] {
    const std::lock_guard lock{seen_->mutex};
    return seen_->end.has_value();
  };
  if (!root_)
    return true;
  caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
  return until(ended);
}

bool bench::until(const std::function<bool()>& condition) {
  if (at_once(condition))
    return true;
  if (!world_)
    return false;
  for (auto waited = 0ms; waited < virtual_patience; waited += 10ms) {
    world_->advance(10ms);
    if (condition())
      return true;
  }
  return false;
}

bool bench::at_once(const std::function<bool()>& condition) {
  if (world_) {
    world_->settle();
    return condition();
  }
  const auto end = std::chrono::steady_clock::now() + real_patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

void bench::pass(milliseconds time) {
  if (world_)
    world_->advance(time);
}

void bench::step(std::size_t messages) {
  while (world_ && messages-- > 0)
    world_->step();
}

milliseconds bench::now() {
  return world_ ? std::chrono::duration_cast<milliseconds>(world_->now().time_since_epoch()) : milliseconds{0};
}

caf::actor_system& bench::system() { return world_ ? world_->system() : *threads_->system; }

std::string bench::state_of(const std::string& id) {
  const auto child = refs_.at(id)->as<caf::actor>();
  if (!subject_.probe || !child)
    return {};
  auto out = std::make_shared<reply_of<std::string>>();
  system().spawn([=, probe = subject_.probe](caf::event_based_actor* self) {
    probe(self, child, [out](std::string state) {
      const std::lock_guard lock{out->mutex};
      out->value = std::move(state);
    });
  });
  if (!until([&] { return out->done(); }))
    return "no answer";
  const std::lock_guard lock{out->mutex};
  return *out->value;
}

void bench::touch(const std::string& id) {
  if (!subject_.touch)
    return;
  subject_.touch(refs_.at(id)->as<caf::actor>());
  pass(0ms);
}

bool bench::crash(const std::string& id) {
  const auto victim = refs_.at(id)->as<caf::actor>();
  const auto gone = [&] { return caf::actor_cast<caf::strong_actor_ptr>(victim) != refs_.at(id)->get(); };
  if (!victim)
    return false;
  bool reached = false;
  if (seen_->supervised) {
    seen_->crash = true;
    caf::anon_send(victim, stranger{});
    reached = at_once([&] { return gone() || !seen_->crash || dead_->count() > 0; });
  }
  if (seen_->crash.exchange(false) || !reached)      // its handlers can't be reached: it is not spawned under supervision
    caf::anon_send(victim, caf::exit_msg{caf::actor_addr{}, caf::make_error(caf::sec::runtime_error, "crash")});
  return until(gone);
}

}  // namespace flott::testing::conformance_parts
