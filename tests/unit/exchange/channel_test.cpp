#include "runtime/exchange/channel.hpp"
#include "runtime/exchange/output_registry.hpp"
#include "tests/support/number_job.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace flott;
using namespace std::chrono_literals;
using flott::testing::number_batch;

namespace {

/// Lets its thread sleep until it is woken; a wake that comes first is kept.
class sleeper final : public waker {
 public:
  void wake() noexcept override {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    woken_.notify_one();
  }
  void sleep() {
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [&] { return wakes_ > 0; });
    wakes_ = 0;
  }
  int wakes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(wakes_, 0);
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
};

}  // namespace

TEST_CASE("a queue keeps order over its segments, from one thread to another") {
  element_queue<int, 4> queue;
  int got = 0;
  CHECK_FALSE(queue.pop(got));
  constexpr int count = 100'000;
  std::thread producer([&] {
    for (int i = 1; i <= count; ++i)
      queue.push(i);
  });
  for (int expected = 1; expected <= count;) {
    if (!queue.pop(got)) {
      std::this_thread::yield();
      continue;
    }
    if (got != expected)
      FAIL("out of order");
    ++expected;
  }
  producer.join();
  CHECK_FALSE(queue.pop(got));
}

TEST_CASE("a channel wakes its ends when there is something for them to do") {
  channel c(4096);
  auto producer = std::make_shared<sleeper>(), consumer = std::make_shared<sleeper>();
  channel_element e;
  c.push(number_batch({1}));               // before anybody listens
  c.attach_producer(producer);
  c.attach_consumer(consumer);
  CHECK(c.pop(e));
  CHECK(c.drained());
  c.push(number_batch({2}));
  CHECK(consumer->wakes() == 1);
  c.push(watermark{3});
  CHECK(consumer->wakes() == 0);           // it has something to do already
  while (c.writable())
    c.push(number_batch({3}));
  while (!c.writable())
    CHECK(c.pop(e));
  while (c.pop(e)) {
  }
  CHECK(producer->wakes() == 1);           // once, when half of the credit was free again
  c.push_last(end_of_stream{});
  CHECK(c.pop(e));
  CHECK(producer->wakes() == 1);           // drained
}

TEST_CASE("control elements need no credit and keep their place") {
  channel c(1);
  c.push(number_batch({1}));
  CHECK_FALSE(c.writable());
  c.push(barrier{7, 0});
  c.push(number_batch({2}));
  channel_element e;
  CHECK(c.pop(e));
  CHECK(std::holds_alternative<record_batch>(e));
  CHECK(c.pop(e));
  CHECK(std::get<barrier>(e).id == 7);
  CHECK(c.pop(e));
  CHECK_FALSE(c.pop(e));
}

TEST_CASE("each end hears that the other has gone") {
  channel c(1);
  auto producer = std::make_shared<sleeper>(), consumer = std::make_shared<sleeper>();
  c.attach_producer(producer);
  c.attach_consumer(consumer);
  c.push(number_batch({1}));
  CHECK_FALSE(c.writable());
  consumer->wakes();
  c.break_consumer({true, transient_failure("consumer", "went")});
  CHECK(producer->wakes() == 1);
  CHECK(c.writable());                     // so that the producer runs, and sees it
  REQUIRE(c.consumer_break() != nullptr);
  CHECK(c.consumer_break()->error.message == "went");
  CHECK(c.producer_break() == nullptr);
  c.break_producer({false, transient_failure("producer", "went too")});
  CHECK(consumer->wakes() == 1);
  CHECK(c.producer_break()->error.message == "went too");
}

TEST_CASE("two threads that sleep whenever they have to always come to the end") {
  for (int round = 0; round < 20; ++round) {
    channel c(round % 2 == 0 ? 1 : 3000);
    auto producer = std::make_shared<sleeper>(), consumer = std::make_shared<sleeper>();
    c.attach_producer(producer);
    constexpr int count = 2000;
    std::thread produces([&] {
      for (int i = 0; i < count; ++i) {
        while (!c.writable())
          producer->sleep();
        if (i % 7 == 0)
          c.push(watermark{i});
        c.push(number_batch({i}));
      }
      c.push_last(end_of_stream{});
      while (!c.drained())
        producer->sleep();
    });
    c.attach_consumer(consumer);
    std::int64_t expected = 0;
    for (bool ended = false; !ended;) {
      channel_element e;
      if (!c.pop(e)) {
        consumer->sleep();
        continue;
      }
      if (auto* batch = std::get_if<record_batch>(&e)) {
        if (batch->values<std::int64_t>(0)[0] != expected++)
          FAIL("out of order");
      }
      ended = std::holds_alternative<end_of_stream>(e);
    }
    produces.join();
    CHECK(expected == count);
  }
}

TEST_CASE("a consumer finds its producer's channel, whoever comes first") {
  output_registry registry;
  channel_key key;
  key.edge = 3;
  auto output = std::make_shared<channel>(1);
  const auto now = std::chrono::steady_clock::now();
  std::vector<result<std::shared_ptr<channel>>> answers;
  const auto ask = [&] {
    return registry.open(key, now + 1s, [&](auto answer) { answers.push_back(std::move(answer)); });
  };
  SECTION("producer first") {
    registry.add(key, output);
    ask();
  }
  SECTION("consumer first") {
    ask();
    CHECK(answers.empty());
    registry.add(key, output);
  }
  SECTION("a wait that was given up is not answered") {
    registry.forget(ask());
    registry.add(key, output);
    CHECK(answers.empty());
    ask();
  }
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].value() == output);
  ask();                                       // a channel is given away once
  REQUIRE(answers.size() == 2);
  CHECK_FALSE(answers[1].ok());
  registry.remove(key);
  ask();
  CHECK(answers.size() == 2);
  CHECK(registry.expire(now) == now + 1s);
  CHECK(registry.expire(now + 1s) == std::nullopt);
  REQUIRE(answers.size() == 3);
  CHECK(answers[2].error().cls == failure_class::transient);
}
