#include "runtime/base/simulated_env.hpp"
#include "runtime/execution/manual_executor.hpp"
#include "runtime/execution/threaded_executor.hpp"
#include "tests/support/eventually.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

using namespace flott;
using namespace std::chrono_literals;
using flott::testing::eventually;

namespace {

/// Calls a function in every slice.
class task final : public runnable {
 public:
  explicit task(std::function<next(const slice&)> f) : f_(std::move(f)) {}
  next run(const slice& limits) override {
    if (inside_.exchange(true))
      std::abort();                          // never on two threads; Catch's assertions belong to one
    const auto said = f_(limits);
    inside_ = false;
    return said;
  }

 private:
  std::function<next(const slice&)> f_;
  std::atomic<bool> inside_{false};
};

std::shared_ptr<task> make_task(std::function<runnable::next(const slice&)> f) {
  return std::make_shared<task>(std::move(f));
}

struct door {
  std::mutex mutex;
  std::condition_variable opened;
  bool is_open = false;
  void open() {
    const std::lock_guard lock(mutex);
    is_open = true;
    opened.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    opened.wait(lock, [&] { return is_open; });
  }
};

}  // namespace

TEST_CASE("an executor has no threads before there is work") {
  threaded_executor executor({.workers = 2});
  CHECK(executor.workers() == 0);
  std::atomic<int> ran{0};
  auto work = make_task([&](const slice&) { ++ran; return runnable::next::idle; });
  executor.wake(work);
  CHECK(eventually([&] { return ran == 1; }));
  CHECK(executor.workers() == 1);
}

TEST_CASE("runnables that always have more to do take turns") {
  threaded_executor executor({.workers = 1, .slice = 100us});
  std::atomic<int> slices[3] = {};
  std::atomic<bool> all_awake{false}, enough{false};
  std::vector<std::shared_ptr<task>> tasks;
  for (auto& count : slices)
    tasks.push_back(make_task([&](const slice& limits) {
      while (std::chrono::steady_clock::now() < limits.deadline) {
      }
      if (all_awake)                                    // the first one has the worker to itself until then
        ++count;
      return enough ? runnable::next::idle : runnable::next::again;
    }));
  for (auto& t : tasks)
    executor.wake(t);
  all_awake = true;
  CHECK(eventually([&] { return slices[0] > 20 && slices[1] > 20 && slices[2] > 20; }));
  enough = true;
  const auto [least, most] = std::minmax({slices[0].load(), slices[1].load(), slices[2].load()});
  CHECK(most - least <= 2);
}

TEST_CASE("no wake is lost, whoever wakes whom") {
  threaded_executor executor({.workers = 3});
  constexpr int rounds = 20'000;
  // Each task passes on what it was given; outsiders wake them at random moments as well.
  struct node {
    std::atomic<int> given{0};
    int passed = 0;
    std::shared_ptr<task> runs;
  };
  std::vector<std::unique_ptr<node>> ring;
  for (int i = 0; i < 4; ++i)
    ring.push_back(std::make_unique<node>());
  std::atomic<int> done{0};
  for (std::size_t i = 0; i < ring.size(); ++i) {
    auto& me = *ring[i];
    auto* following = i + 1 < ring.size() ? ring[i + 1].get() : nullptr;
    me.runs = make_task([&me, following, &executor, &done](const slice&) {
      while (me.passed < me.given.load()) {
        ++me.passed;
        if (following != nullptr) {
          following->given.fetch_add(1);
          executor.wake(following->runs);
        } else {
          ++done;
        }
      }
      return runnable::next::idle;
    });
  }
  std::thread outsider([&] {
    for (int i = 0; i < rounds / 10; ++i)
      for (auto& n : ring)
        executor.wake(n->runs);
  });
  for (int i = 0; i < rounds; ++i) {
    ring[0]->given.fetch_add(1);
    executor.wake(ring[0]->runs);
  }
  CHECK(eventually([&] { return done == rounds; }));
  outsider.join();
  CHECK(executor.stop(std::chrono::steady_clock::now() + 30s));
}

TEST_CASE("a call that blocks gets a spare worker beside it, which goes when the call returns") {
  threaded_executor executor({.workers = 1, .overrun = 5ms});
  door blocked;
  std::atomic<bool> returned{false};
  auto stuck = make_task([&](const slice&) {
    blocked.pass();
    returned = true;
    return runnable::next::idle;
  });
  std::atomic<int> ran{0};
  auto other = make_task([&](const slice&) { ++ran; return runnable::next::idle; });
  executor.wake(stuck);
  executor.wake(other);
  CHECK(eventually([&] { return ran == 1; }));
  CHECK_FALSE(returned);
  blocked.open();
  CHECK(eventually([&] { return returned && executor.workers() == 1; }));
  executor.wake(other);
  CHECK(eventually([&] { return ran == 2; }));
}

TEST_CASE("timers wake what still exists, also while all workers are busy") {
  threaded_executor executor({.workers = 1, .overrun = 5ms});
  std::atomic<int> ran{0};
  auto work = make_task([&](const slice&) { ++ran; return runnable::next::idle; });
  executor.wake_at(work, executor.now() + 20ms);
  executor.wake_at(work, executor.now() + 1ms);
  executor.wake_at(std::weak_ptr<runnable>(), executor.now());
  CHECK(eventually([&] { return ran == 2; }));
  door blocked;
  auto stuck = make_task([&](const slice&) { blocked.pass(); return runnable::next::idle; });
  executor.wake(stuck);
  executor.wake_at(work, executor.now() + 1ms);
  CHECK(eventually([&] { return ran == 3; }));
  blocked.open();
}

TEST_CASE("blocking work runs beside the subtasks") {
  threaded_executor executor({.workers = 1});
  door blocked;
  std::atomic<int> done{0};
  for (int i = 0; i < 4; ++i)
    executor.run_blocking([&] { blocked.pass(); ++done; });
  std::atomic<int> ran{0};
  auto work = make_task([&](const slice&) { ++ran; return runnable::next::idle; });
  executor.wake(work);
  CHECK(eventually([&] { return ran == 1; }));
  CHECK(done == 0);
  blocked.open();
  CHECK(eventually([&] { return done == 4; }));
}

TEST_CASE("an executor that is asked to stop does not wait for a call that never returns") {
  auto blocked = std::make_shared<door>();
  auto entered = std::make_shared<std::atomic<bool>>(false);
  {
    threaded_executor executor({.workers = 1});
    executor.wake(make_task([=](const slice&) { *entered = true; blocked->pass(); return runnable::next::idle; }));
    CHECK(eventually([&] { return entered->load(); }));
    CHECK_FALSE(executor.stop(std::chrono::steady_clock::now() + 10ms));
    blocked->open();
    CHECK(executor.stop(std::chrono::steady_clock::now() + 30s));
  }
}

TEST_CASE("the manual executor's order follows from its seed, and its time from the environment") {
  const auto order_of = [](std::uint64_t seed) {
    simulated_env environment(1);
    manual_executor executor(environment, seed);
    std::string order;
    std::vector<std::shared_ptr<task>> tasks;
    for (char c = 'a'; c < 'f'; ++c)
      tasks.push_back(make_task([&order, c, left = 5](const slice&) mutable {
        order += c;
        return --left > 0 ? runnable::next::again : runnable::next::idle;
      }));
    for (auto& t : tasks)
      executor.wake(t);
    executor.run_blocking([&] { order += '*'; });
    executor.wake_at(tasks[0], environment.now() + 1s);
    executor.run();
    CHECK(order.size() == 26);
    CHECK(executor.next_timer() == environment.now() + 1s);
    environment.advance(1s);
    executor.run();
    CHECK(order.size() == 27);
    CHECK(order.back() == 'a');
    return order;
  };
  CHECK(order_of(1) == order_of(1));
  CHECK(order_of(1) != order_of(2));
}
