#include "runtime/supervision/dead_letters.hpp"
#include "runtime/supervision/ledger.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

using namespace flott::supervision;

namespace {

std::shared_ptr<ledger> make() { return std::make_shared<ledger>(); }

}  // namespace

TEST_CASE("ledger: what is booked is released once, the latest first") {
  std::string order;
  const auto book = make();
  auto a = book->book("a", [&] { order += "a"; });
  auto b = book->book("b", [&] { order += "b"; });
  auto c = book->book("c", [&] { order += "c"; });
  CHECK(book->entries() == std::vector<std::string>{"a", "b", "c"});
  CHECK(b);
  b.release();
  CHECK(order == "b");
  CHECK_FALSE(b);
  CHECK(book->close().released == 2);
  CHECK(order == "bca");
  CHECK(book->size() == 0);
  CHECK(book->close().released == 0);
  a.release();
  CHECK(order == "bca");
}

TEST_CASE("ledger: a lease releases when it goes, unless it was handed over") {
  int released = 0;
  const auto book = make();
  { const auto lease = book->book("a", [&] { ++released; }); }
  CHECK(released == 1);
  book->book("b", [&] { ++released; }).hand_over();
  CHECK(released == 1);
  CHECK(book->size() == 0);
  auto first = book->book("c", [&] { ++released; });
  first = book->book("d", [&] { released += 10; });   // what it held before is given back
  CHECK(released == 2);
  auto moved = std::move(first);
  CHECK_FALSE(first);                                 // NOLINT: what is left of it
  moved.release();
  CHECK(released == 12);
}

TEST_CASE("ledger: a release that throws holds up none of the others") {
  std::string order;
  const auto book = make();
  auto a = book->book("a", [&] { order += "a"; });
  auto b = book->book("b", [] { throw std::runtime_error("no"); });
  auto c = book->book("c", [] { throw 7; });
  const auto how = book->close();
  CHECK(how.released == 3);
  CHECK(how.failed == std::vector<std::string>{"c: an exception that is no std::exception", "b: no"});
  CHECK(order == "a");
}

TEST_CASE("ledger: after the end nothing can be booked; what was to be is given back at once") {
  const auto book = make();
  book->close();
  bool released = false;
  const auto lease = book->book("late", [&] { released = true; });
  CHECK(released);
  CHECK_FALSE(lease);
  CHECK(book->size() == 0);
}

TEST_CASE("ledger: whoever releases, each release is called once") {
  for (int round = 0; round < 200; ++round) {
    const auto book = make();
    std::atomic<int> released{0};
    std::vector<ledger::lease> leases;
    for (int i = 0; i < 20; ++i)
      leases.push_back(book->book(std::to_string(i), [&] { ++released; }));
    std::thread other([&] { leases.clear(); });
    book->close();
    other.join();
    CHECK(released == 20);
  }
}

TEST_CASE("dead letters: all are counted by reason, a few are shown and kept") {
  std::vector<std::string> shown;
  dead_letters office{[&](const dead_letter& x) { shown.push_back(x.type); }, 3};
  int described = 0;
  for (int i = 0; i < 100; ++i)
    office.add(loss::mailbox_full, 1, [&] {
      ++described;
      return dead_letter{{}, "t" + std::to_string(i), "/a", 7, 1};
    });
  office.add(loss::stale, 5, [] { return dead_letter{}; });
  CHECK(office.count(loss::mailbox_full) == 100);
  CHECK(office.count(loss::stale) == 5);
  CHECK(office.count() == 105);
  CHECK(described >= 3);
  CHECK(described <= 6);                              // a second may have passed meanwhile
  CHECK(shown.size() >= 3);
  CHECK(office.samples().front().type == "t0");
  CHECK(office.samples().front().why == loss::mailbox_full);
}

TEST_CASE("ledger: while it closes, what others book is given back at once, and its entries are told no more") {
  const auto book = make();
  bool late = false;
  auto a = book->book("a", [&] {
    const auto refused = book->book("b", [&] { late = true; });
    CHECK_FALSE(refused);
    CHECK(book->entries().empty());
  });
  CHECK(book->close().released == 1);
  CHECK(late);
}

TEST_CASE("ledger: what is left booked without a lease is released at the end") {
  int released = 0;
  const auto book = make();
  book->book("a", [&] { ++released; }).leave();
  CHECK(released == 0);
  CHECK(book->size() == 1);
  book->close();
  CHECK(released == 1);
}

TEST_CASE("dead letters: the latest 64 that were shown are kept, the oldest first; without a listener as well") {
  dead_letters office{{}, 1'000'000};
  for (int i = 0; i < 100; ++i)
    office.add(loss::receiver_ended, 2, [&] { return dead_letter{{}, std::to_string(i), "/a", 0, 1}; });
  const auto kept = office.samples();
  REQUIRE(kept.size() == 64);
  CHECK(kept.front().type == "36");
  CHECK(kept.back().type == "99");
  CHECK(kept.back().why == loss::receiver_ended);
  CHECK(kept.back().count == 2);
}

TEST_CASE("dead letters: with the next second some are shown again") {
  int shown = 0;
  dead_letters office{[&](const dead_letter&) { ++shown; }, 1};
  const auto second = [] {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  office.add(loss::stale, 1, [] { return dead_letter{}; });
  office.add(loss::stale, 1, [] { return dead_letter{}; });
  const auto before = shown;
  for (const auto now = second(); now == second();)
    std::this_thread::yield();
  office.add(loss::stale, 1, [] { return dead_letter{}; });
  CHECK(shown == before + 1);
}

TEST_CASE("dead letters: a description that throws costs the sample, not the count") {
  dead_letters office;
  office.add(loss::unhandled, 1, []() -> dead_letter { throw std::runtime_error("no words"); });
  CHECK(office.count() == 1);
  CHECK(office.samples().empty());
  CHECK(std::string(to_string(loss::unhandled)) == "unhandled");
  CHECK(std::string(to_string(loss::receiver_ended)) == "receiver_ended");
  CHECK(std::string(to_string(loss::stale)) == "stale");
  CHECK(std::string(to_string(loss::mailbox_full)) == "mailbox_full");
}
