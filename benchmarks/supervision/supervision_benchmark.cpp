// What supervision costs over plain CAF, in one run: per message, per spawn, per restart, in memory, and at 100,000 children.
#include "actors/supervisor.hpp"
#include "runtime/base/process_usage.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

using namespace flott;
using namespace flott::supervision;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point begin) { return std::chrono::duration<double>(clock::now() - begin).count(); }

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

caf::behavior counting(caf::event_based_actor*) {
  return {[n = std::uint64_t{0}](int x) mutable { n += static_cast<std::uint64_t>(x); return x; }};
}

/// Sends itself `left` messages.
caf::behavior ping(caf::event_based_actor* self, caf::actor partner, int left, std::shared_ptr<std::promise<void>> done) {
  self->send(partner, 1);
  return {[=](int x) mutable {
    if (--left == 0)
      done->set_value();
    else
      self->send(partner, x);
  }};
}

/// Answers by a message of its own, so that both sides are alike.
caf::behavior pong(caf::event_based_actor* self) {
  return {[self](int x) { self->send(caf::actor_cast<caf::actor>(self->current_sender()), x); }};
}

child_context alone(caf::actor_system& system) {
  child_context context{system, "/benchmark/a", 1, {}};
  context.ledger = std::make_shared<ledger>();
  static const auto letters = std::make_shared<dead_letters>();            // shared by a tree
  static const auto level = std::make_shared<std::atomic<int>>(-1);
  context.vitals = std::make_shared<actor_vitals>(context.path, letters, mailbox_limits{}, level);
  return context;
}

/// Nanoseconds a message between two actors that answer each other.
double ping_pong(caf::actor_system& system, bool supervised, int messages) {
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  const auto context = alone(system), other = alone(system);
  const auto partner = caf::actor_cast<caf::actor>(supervised ? spawn_supervised(context, pong)
                                                              : caf::actor_cast<caf::strong_actor_ptr>(system.spawn(pong)));
  const auto begin = clock::now();
  const auto first = caf::actor_cast<caf::actor>(
    supervised ? spawn_supervised(other, ping, partner, messages, done)
               : caf::actor_cast<caf::strong_actor_ptr>(system.spawn(ping, partner, messages, done)));
  finished.wait();
  const auto taken = seconds_since(begin);
  for (const auto& actor : {first, partner})
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  return taken / (2.0 * messages) * 1e9;
}

/// Nanoseconds a message of a flood from this thread.
double flood(caf::actor_system& system, bool supervised, int messages) {
  const auto context = alone(system);
  const auto target = caf::actor_cast<caf::actor>(supervised ? spawn_supervised(context, counting)
                                                             : caf::actor_cast<caf::strong_actor_ptr>(system.spawn(counting)));
  const auto begin = clock::now();
  for (int i = 0; i < messages; ++i)
    caf::anon_send(target, 1);
  caf::scoped_actor self{system};
  self->request(target, caf::infinite, 1).receive([](int) {}, [](const caf::error&) {});
  const auto taken = seconds_since(begin);
  caf::anon_send_exit(target, caf::exit_reason::kill);
  return taken / messages * 1e9;
}

void end_all(std::vector<caf::actor>& actors) {
  for (const auto& actor : actors)
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  actors.clear();
}

/// Nanoseconds a spawn, without a tree.
double spawn(caf::actor_system& system, bool supervised, int number) {
  std::vector<caf::actor> actors;
  actors.reserve(static_cast<std::size_t>(number));
  const auto begin = clock::now();
  for (int i = 0; i < number; ++i)
    actors.push_back(caf::actor_cast<caf::actor>(supervised ? spawn_supervised(alone(system), counting)
                                                            : caf::actor_cast<caf::strong_actor_ptr>(system.spawn(counting))));
  const auto taken = seconds_since(begin);
  end_all(actors);
  system.registry().await_running_count_equal(0);
  return taken / number * 1e9;
}

void compare(const char* what, const char* unit, const std::function<double(bool)>& measure, int rounds) {
  std::vector<double> plain, supervised;
  for (int i = 0; i < rounds; ++i) {
    plain.push_back(measure(false));
    supervised.push_back(measure(true));
  }
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i)
    ratios.push_back(supervised[static_cast<std::size_t>(i)] / plain[static_cast<std::size_t>(i)]);
  std::printf("%-34s plain %8.0f %s, supervised %8.0f %s, ratio %.2f (median of %d)\n", what, median(plain), unit,
              median(supervised), unit, median(ratios), rounds);
}

supervisor_spec pool_of(child_factory start) {
  supervisor_spec spec;
  spec.name = "pool";
  spec.strategy = strategy::pool;
  spec.intensity = {1'000'000, 1h};
  child_spec each;
  each.id = "worker";
  each.start = std::move(start);
  spec.children.push_back(std::move(each));
  return spec;
}

void at_scale(caf::actor_system& system, int number) {
  auto root = spawn_supervisor(system, pool_of(spawns(counting))).value();
  caf::scoped_actor self{system};
  const auto before = process_usage().resident_bytes;
  auto begin = clock::now();
  for (int i = 0; i < number; ++i)
    caf::anon_send(root, start_pool_child_request{});
  self->request(root, caf::infinite, start_pool_child_request{}).receive([](const child_handle&) {}, [](const caf::error&) {});
  const auto start = seconds_since(begin);
  const auto after = process_usage().resident_bytes;
  std::vector<double> snapshots;
  for (int i = 0; i < 5; ++i) {
    begin = clock::now();
    self->request(root, caf::infinite, tree_request{1h}).receive([](const tree_node_ptr&) {}, [](const caf::error&) {});
    snapshots.push_back(seconds_since(begin) * 1e3);
  }
  begin = clock::now();
  const auto end = stop_and_wait(system, root, 10min);
  const auto stop = seconds_since(begin);
  std::printf("%d children: start %.2f s, tree snapshot %.0f ms, stop %.2f s, %.0f bytes a child, ended %s\n", number, start,
              median(snapshots), stop, static_cast<double>(after - before) / number, end ? "in order" : end.error().to_string().c_str());
}

/// Nanoseconds from one life to the next, and what a million of them leave behind.
void restarts(caf::actor_system& system, int number) {
  auto next = std::make_shared<std::atomic<int>>(0);
  auto done = std::make_shared<std::promise<void>>();
  auto spec = pool_of({});
  spec.strategy = strategy::one_for_one;
  spec.children.front().start = [=](const child_context& context) -> start_outcome {
    return spawn_supervised(context, [=](caf::event_based_actor* actor) -> caf::behavior {
      if (next->fetch_add(1) < number)
        actor->send(actor, 1);
      else
        done->set_value();
      return {[actor](int) { actor->quit(caf::make_error(caf::sec::runtime_error, "again")); }};
    });
  };
  const auto before = process_usage().resident_bytes;
  const auto begin = clock::now();
  auto root = spawn_supervisor(system, std::move(spec)).value();
  done->get_future().wait();
  const auto taken = seconds_since(begin);
  const auto after = process_usage().resident_bytes;
  std::printf("%d restarts: %.0f ns each, resident memory grew by %.1f MiB\n", number, taken / number * 1e9,
              (static_cast<double>(after) - static_cast<double>(before)) / (1 << 20));
  static_cast<void>(stop_and_wait(system, root, 1min));
}

}  // namespace

int main(int argc, char** argv) {
  const int scale = argc > 1 ? std::atoi(argv[1]) : 100'000;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-throughput", std::size_t{50});
  config.set("scheduler.max-threads", std::size_t{2});
  caf::actor_system system{config};
  compare("message, two that answer each other", "ns", [&](bool s) { return ping_pong(system, s, 200'000); }, 9);
  compare("message, a flood to one", "ns", [&](bool s) { return flood(system, s, 1'000'000); }, 9);
  compare("spawn", "ns", [&](bool s) { return spawn(system, s, 50'000); }, 7);
  at_scale(system, scale);
  restarts(system, 10 * scale);
  return 0;
}
