#include "runtime/memory/arena.hpp"
#include "runtime/memory/budget.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <thread>
#include <vector>

using namespace flott;

TEST_CASE("a reservation counts in every ancestor, or nowhere") {
  auto root = memory_budget::root("taskmanager", 1000);
  auto job = root->child("job", 600);
  auto first = job->child("first");
  auto second = root->child("second", 800);

  REQUIRE(first->try_reserve(500));
  CHECK(root->used() == 500);
  CHECK(job->used() == 500);

  CHECK_FALSE(first->try_reserve(101));        // the job's limit
  CHECK(first->used() == 500);
  CHECK_FALSE(second->try_reserve(501));       // the root's
  CHECK(second->used() == 0);
  CHECK(root->used() == 500);

  REQUIRE(second->try_reserve(500));
  first->release(500);
  second->release(500);
  CHECK(root->used() == 0);
  CHECK_FALSE(first->try_reserve(UINT64_MAX)); // no wrap-around
}

TEST_CASE("an overshoot blocks reservations until it is paid back") {
  auto root = memory_budget::root("taskmanager", 100);
  root->reserve_anyway(150);
  CHECK_FALSE(root->try_reserve(1));
  root->release(60);
  CHECK(root->try_reserve(10));
}

TEST_CASE("concurrent reservations never exceed the limit and add up") {
  auto root = memory_budget::root("taskmanager", 64);
  std::vector<std::thread> threads;
  std::atomic<bool> exceeded{false};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, mine = root->child("subtask")] {
      for (int i = 0; i < 20000; ++i)
        if (mine->try_reserve(24)) {
          if (root->used() > 64)
            exceeded = true;
          mine->release(24);
        }
    });
  for (auto& t : threads)
    t.join();
  CHECK_FALSE(exceeded);
  CHECK(root->used() == 0);
}

TEST_CASE("an arena is charged until its last reference dies") {
  auto root = memory_budget::root("taskmanager", 10'000);
  arena_ptr kept;
  {
    auto made = arena::try_make(root->child("subtask"), 4096);
    REQUIRE(made.ok());
    CHECK(reinterpret_cast<std::uintptr_t>((*made)->data()) % arena::alignment == 0);
    kept = *made;
  }
  CHECK(root->used() == 4096);
  auto refused = arena::try_make(root, 8192);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().cls == failure_class::resources);
  CHECK(refused.error().where.find("taskmanager") != std::string::npos);
  kept.reset();
  CHECK(root->used() == 0);
}

TEST_CASE("a text arena hands out stable room, bigger than its chunk if need be") {
  auto root = memory_budget::root("taskmanager", 1 << 20);
  {
    text_arena texts(root, 64);
    char* a = texts.allocate(40);
    std::memset(a, 'a', 40);
    const auto first = texts.current();
    char* b = texts.allocate(500);
    std::memset(b, 'b', 500);
    CHECK(std::string_view(a, 40) == std::string(40, 'a'));
    CHECK(first->contains(a));
    CHECK(texts.current()->contains(b));
    CHECK(root->used() == 564);
  }
  CHECK(root->used() == 0);
}
