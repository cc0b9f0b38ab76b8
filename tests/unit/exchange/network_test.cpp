#include "runtime/base/env.hpp"
#include "runtime/base/socket.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/frame.hpp"
#include "runtime/execution/io_pool.hpp"
#include "runtime/execution/local_runner.hpp"
#include "runtime/security/handshake.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/number_job.hpp"

#include <catch2/catch.hpp>

#include <mutex>
#include <optional>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace flott;
using namespace std::chrono_literals;
using namespace flott::testing;

namespace {

const std::string secret(32, 's');

std::string incarnation(char c) { return std::string(32, c); }

struct plane_of {
  explicit plane_of(char name, std::string its_secret = secret, std::uint64_t channel_bytes = 64 << 10) {
    data_plane_config config;
    config.incarnation = incarnation(name);
    config.secret = std::move(its_secret);
    config.workers = 2;
    config.channel_bytes = channel_bytes;
    config.open_timeout = 300ms;
    auto started = data_plane::start(std::move(config), system_env());
    REQUIRE(started.ok());
    plane = std::move(*started);
    node = {plane.get(), incarnation(name)};
  }
  std::unique_ptr<data_plane> plane;
  local_node node;
};

/// One end of an exchange without anything that runs on it.
struct bare {
  explicit bare(char name, std::string its_secret = secret) : me(name) {
    exchange_config config;
    config.incarnation = incarnation(name);
    config.secret = std::move(its_secret);
    config.channel_bytes = 4096;
    config.open_timeout = 100ms;
    config.connect_timeout = 2s;
    config.run_blocking = [this](std::function<void()> work) { pool.run(std::move(work)); };
    auto started = exchange::start(std::move(config), system_env());
    REQUIRE(started.ok());
    wires = std::move(*started);
  }
  ~bare() { wires->stop(); }
  exchange::location location() const { return {incarnation(me), "127.0.0.1", wires->port()}; }

  char me;
  io_pool pool;
  std::shared_ptr<exchange> wires;
};

/// What the answer to an open was, once it has come.
struct answer {
  void set(result<std::shared_ptr<channel>> got) {
    const std::lock_guard lock(mutex);
    value = std::move(got);
  }
  bool came() {
    const std::lock_guard lock(mutex);
    return value.has_value();
  }
  std::mutex mutex;
  std::optional<result<std::shared_ptr<channel>>> value;
};

std::shared_ptr<answer> open(bare& from, const exchange::location& at, const channel_key& key) {
  auto got = std::make_shared<answer>();
  from.wires->open(at, key, [got](auto value) { got->set(std::move(value)); });
  CHECK(eventually([&] { return got->came(); }));
  return got;
}

struct nobody final : waker {
  void wake() noexcept override {}
};

}  // namespace

TEST_CASE("two data planes exchange what one would") {
  plane_of a('a'), b('b');
  number_job job;
  job.count = 50'000;
  job.strategy = GENERATE(msg::SHIP_STRATEGY_FORWARD, msg::SHIP_STRATEGY_HASH, msg::SHIP_STRATEGY_REBALANCE,
                          msg::SHIP_STRATEGY_BROADCAST);
  job.sources = 3;
  job.sinks = job.strategy == msg::SHIP_STRATEGY_FORWARD ? 3 : 4;
  auto run = local_run::start({a.node, b.node}, job.compiled());
  REQUIRE(run.ok());
  const auto outcome = (*run)->wait();
  INFO(outcome.error.to_string());
  CHECK(outcome.finished());
  CHECK(job.seen->sorted() == job.expected());
  for (const auto& [subtask, marks] : job.seen->watermarks)
    CHECK(std::is_sorted(marks.begin(), marks.end()));
  if (job.strategy != msg::SHIP_STRATEGY_BROADCAST)
    CHECK(eventually([&] { return a.plane->memory_used() + b.plane->memory_used() == 0; }));
}

TEST_CASE("all kinds of elements cross the wire in order, batches within the credit") {
  bare producer('a'), consumer('b');
  channel_key key;
  auto out = std::make_shared<channel>(1 << 20);
  auto nothing = std::make_shared<nobody>();
  out->attach_producer(nothing);
  out->push(number_batch({1}));                       // not encoded: nobody knows yet where it goes
  producer.wires->add_output(key, out);
  auto got = open(consumer, producer.location(), key);
  REQUIRE(got->value->ok());
  auto in = got->value->value();
  CHECK(out->wants_encoded());
  out->push(watermark{2});
  out->push(stream_status{true});
  out->push(barrier{3, 4});
  out->push(latency_marker{5, 6});
  for (int i = 0; i < 200; ++i)
    encode_for_wire(number_batch({i}), nullptr, [&](encoded_batch b) { out->push(std::move(b)); });
  out->push_last(end_of_stream{});
  in->attach_consumer(nothing);
  std::string seen;
  int batches = 0;
  for (bool ended = false; !ended;) {
    channel_element e;
    if (!eventually([&] { return in->pop(e); }))
      break;
    CHECK(in->producer_break() == nullptr);
    switch (e.index()) {
      case 2: ++batches; break;
      case 3: seen += "watermark" + std::to_string(std::get<watermark>(e).time) + " "; break;
      case 4: seen += "idle "; break;
      case 5: seen += "barrier" + std::to_string(std::get<barrier>(e).id) + " "; break;
      case 6: ended = true; break;
      case 7: seen += "latency "; break;
      default: FAIL("an element of kind " << e.index());
    }
  }
  CHECK(batches == 201);
  CHECK(seen == "watermark2 idle barrier3 latency ");
  CHECK(eventually([&] { return out->drained(); }));
}

TEST_CASE("a producer is held back by a consumer elsewhere that does not read") {
  bare producer('a'), consumer('b');
  auto out = std::make_shared<channel>(1024);
  out->attach_producer(std::make_shared<nobody>());
  producer.wires->add_output({}, out);
  auto got = open(consumer, producer.location(), {});
  REQUIRE(got->value->ok());
  const auto& in = got->value->value();
  int pushed = 0;
  const auto push_all = [&] {
    while (out->writable() && pushed < 1'000'000) {
      encode_for_wire(number_batch({pushed++}), nullptr, [&](encoded_batch b) { out->push(std::move(b)); });
    }
  };
  // Until nothing moves any more: what is on its way is bounded by both credits.
  CHECK(eventually([&] {
    push_all();
    const auto before = pushed;
    ::poll(nullptr, 0, 50);
    push_all();
    return before == pushed;
  }));
  CHECK(pushed < 50);
  in->attach_consumer(std::make_shared<nobody>());
  int popped = 0;
  CHECK(eventually([&] {
    channel_element e;
    while (in->pop(e))
      ++popped;
    push_all();
    return popped > 2000;
  }));
}

TEST_CASE("each side hears when the other task or the other process goes") {
  auto producer = std::make_unique<bare>('a');
  auto consumer = std::make_unique<bare>('b');
  auto out = std::make_shared<channel>(1024);
  out->attach_producer(std::make_shared<nobody>());
  producer->wires->add_output({}, out);
  auto got = open(*consumer, producer->location(), {});
  REQUIRE(got->value->ok());
  auto in = got->value->value();
  in->attach_consumer(std::make_shared<nobody>());
  SECTION("the consuming task") {
    in->break_consumer({true, transient_failure("sink", "was canceled")});
    CHECK(eventually([&] { return out->consumer_break() != nullptr; }));
    CHECK(out->consumer_break()->reported_elsewhere);
    CHECK(out->consumer_break()->error.where == "sink");
  }
  SECTION("the producing task") {
    out->break_producer({true, user_failure("source", "failed")});
    CHECK(eventually([&] { return in->producer_break() != nullptr; }));
    CHECK(in->producer_break()->reported_elsewhere);
    CHECK(in->producer_break()->error == user_failure("source", "failed"));
  }
  SECTION("the consuming process") {
    consumer.reset();
    CHECK(eventually([&] { return out->consumer_break() != nullptr; }));
    CHECK_FALSE(out->consumer_break()->reported_elsewhere);
    CHECK(out->consumer_break()->error.cls == failure_class::transient);
  }
  SECTION("the producing process") {
    const auto port = producer->wires->port();
    producer.reset();
    CHECK(eventually([&] { return in->producer_break() != nullptr; }));
    CHECK_FALSE(in->producer_break()->reported_elsewhere);
    CHECK(in->producer_break()->error.cls == failure_class::transient);
    CHECK_THAT(in->producer_break()->error.where, Catch::Matchers::Contains(std::to_string(port)));
  }
}

TEST_CASE("a consumer that asks for what is not there is refused") {
  bare producer('a'), consumer('b');
  SECTION("no such producer") {
    auto got = open(consumer, producer.location(), {});
    REQUIRE_FALSE(got->value->ok());
    CHECK(got->value->error().cls == failure_class::transient);
    CHECK_THAT(got->value->error().message, Catch::Matchers::Contains("no such producer"));
  }
  SECTION("a channel that is taken") {
    producer.wires->add_output({}, std::make_shared<channel>(1));
    CHECK(open(consumer, producer.location(), {})->value->ok());
    CHECK_FALSE(open(consumer, producer.location(), {})->value->ok());
  }
  SECTION("a process that has gone and left its port to another") {
    auto stale = producer.location();
    stale.incarnation = incarnation('c');
    auto got = open(consumer, stale, {});
    REQUIRE_FALSE(got->value->ok());
    CHECK(got->value->error().cls == failure_class::transient);
    CHECK_THAT(got->value->error().cause, Catch::Matchers::Contains("incarnation"));
  }
  SECTION("nobody listens") {
    auto nowhere = producer.location();
    nowhere.port = 1;
    CHECK(open(consumer, nowhere, {})->value->error().cls == failure_class::transient);
  }
}

TEST_CASE("a peer with another secret is refused, on either side, and is counted") {
  bare producer('a'), stranger('b', std::string(32, 'x'));
  producer.wires->add_output({}, std::make_shared<channel>(1));
  auto got = open(stranger, producer.location(), {});
  REQUIRE_FALSE(got->value->ok());
  CHECK(eventually([&] { return producer.wires->counters().refused == 1; }));
  bare friendly('c');
  CHECK(open(friendly, producer.location(), {})->value->ok());
}

TEST_CASE("bytes of strangers cost a connection and nothing else") {
  bare producer('a');
  const auto dial = [&] {
    auto socket = dial_tcp("127.0.0.1", producer.wires->port(), std::chrono::steady_clock::now() + 5s);
    REQUIRE(socket.ok());
    return *socket;
  };
  const auto closed = [](int socket) {
    return eventually([&] {
      char c = 0;
      return ::recv(socket, &c, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR);
    });
  };
  SECTION("before the handshake") {
    const int socket = dial();
    const std::string noise(1000, 'n');
    CHECK(::send(socket, noise.data(), noise.size(), MSG_NOSIGNAL) > 0);
    CHECK(closed(socket));
    ::close(socket);
  }
  SECTION("behind it") {
    const int socket = dial();
    CHECK(client_handshake(socket, secret, handshake_purpose::data, std::chrono::steady_clock::now() + 5s, system_env(),
                           "test").ok());
    const std::string noise(1000, 'n');
    CHECK(::send(socket, noise.data(), noise.size(), MSG_NOSIGNAL) > 0);
    CHECK(closed(socket));
    ::close(socket);
  }
  SECTION("an old version") {
    const int socket = dial();
    CHECK(client_handshake(socket, secret, handshake_purpose::data, std::chrono::steady_clock::now() + 5s, system_env(),
                           "test").ok());
    hello_frame hello;
    hello.version_least = hello.version_most = 0;
    const auto frame = encode_frame(hello);
    CHECK(::send(socket, frame.data(), frame.size(), MSG_NOSIGNAL) > 0);
    CHECK(closed(socket));
    ::close(socket);
  }
  SECTION("silence") {
    const int socket = dial();
    CHECK(closed(socket));
    ::close(socket);
  }
  CHECK(eventually([&] { return producer.wires->counters().refused == 1; }));
  bare friendly('b');
  producer.wires->add_output({}, std::make_shared<channel>(1));
  CHECK(open(friendly, producer.location(), {})->value->ok());
}

TEST_CASE("a lost process fails the job's tasks on the other one, as something worth another attempt") {
  auto a = std::make_unique<plane_of>('a');
  plane_of b('b');
  number_job job;
  job.count = 1'000'000'000;
  job.sources = 2;
  job.sinks = 2;
  auto run = local_run::start({a->node, b.node}, job.compiled());
  REQUIRE(run.ok());
  CHECK(eventually([&] {
    const std::lock_guard lock(job.seen->mutex);
    return job.seen->by_subtask.size() == 2 || (*run)->all_running();
  }));
  // Its tasks end as canceled with it; the others have to notice by themselves.
  a->plane->stop(std::chrono::steady_clock::now() + 30s);
  const auto outcome = (*run)->wait();
  CHECK(outcome.state == msg::TASK_STATE_FAILED);
  CHECK(outcome.error.cls == failure_class::transient);
  run->reset();
  CHECK(eventually([&] { return b.plane->memory_used() == 0; }));
}
