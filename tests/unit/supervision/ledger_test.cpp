#include "runtime/supervision/dead_letters.hpp"
#include "runtime/supervision/ledger.hpp"

#include <catch2/catch.hpp>

#include <atomic>
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
  b.release();
  CHECK(order == "b");
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
