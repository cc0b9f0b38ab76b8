// The code of docs/supervision.md's tutorial, step by step: what stands there stands here, is compiled, and runs.

#include <flott/actors.hpp>
#include <flott/testing.hpp>

#include "runtime/base/socket.hpp"
#include "tests/support/eventually.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <cstdio>
#include <fstream>
#include <future>
#include <map>
#include <stdexcept>

#include <sys/socket.h>
#include <unistd.h>

using namespace flott;
using namespace flott::supervision;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using testing::eventually;

struct set_price { std::string name; int cents; };
struct ask_price { std::string name; };
struct close_shop {};

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(set_price)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(ask_price)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(close_shop)

namespace {

caf::behavior price_book(caf::event_based_actor*) {
  const auto prices = std::make_shared<std::map<std::string, int>>();
  return {
    [prices](const set_price& x) {
      if (x.cents < 0)
        throw std::invalid_argument("a price below zero: " + x.name);
      (*prices)[x.name] = x.cents;
    },
    [prices](const ask_price& x) -> caf::result<int> {
      const auto found = prices->find(x.name);
      if (found == prices->end())
        return caf::make_error(caf::sec::runtime_error, "no price for " + x.name);
      return found->second;
    },
  };
}

/// From an empty main.
namespace first_step {

int main() {
  child_spec book;
  book.id = "book";
  book.start = spawns(price_book);

  supervisor_spec tree;
  tree.name = "shop";
  tree.children = {book};

  auto started = actor_node::start(std::move(tree));
  if (!started) {                                    // the spec is invalid: the field is named
    std::fprintf(stderr, "%s\n", started.error().to_string().c_str());
    return 2;
  }
  const auto shop = std::move(started).value();
  if (const auto up = shop->wait_started(10s); !up) {
    std::fprintf(stderr, "%s\n", up.error().to_string().c_str());
    return 2;
  }

  // Here the program does what it does: serves, waits for a signal.

  shop->stop();                                      // comes back at once
  const auto end = shop->wait_ended();
  return end.in_time && end.left_behind == 0 ? 0 : 1;
}

}  // namespace first_step

caf::behavior front(caf::event_based_actor* self, const child_ref_ptr& book) {
  return {
    [=](const ask_price& x) -> caf::result<int> {
      const auto living = book->as<caf::actor>();
      if (!living)
        return caf::make_error(caf::sec::runtime_error, "the book is being started again");
      auto promise = self->make_response_promise<int>();
      self->request(living, 1s, x)
        .then([=](int cents) mutable { promise.deliver(cents); },
              [=](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
    [](close_shop) {},
  };
}

child_spec book_child() {
  child_spec book;
  book.id = "book";
  book.start = spawns(price_book);
  book.ref = std::make_shared<child_ref>();
  return book;
}

child_spec front_child(const child_ref_ptr& book) {
  child_spec spec;
  spec.id = "front";
  spec.start = spawns(front, book);
  spec.ref = std::make_shared<child_ref>();
  return spec;
}

supervisor_spec shop_of(std::vector<child_spec> children) {
  supervisor_spec tree;
  tree.name = "shop";
  tree.strategy = strategy::rest_for_one;
  tree.intensity = {5, 10s};
  tree.children = std::move(children);
  return tree;
}

caf::behavior clerk(caf::event_based_actor*, const std::string& customer) {
  return {
    [customer](const std::string& what) {
      if (what.empty())
        throw std::runtime_error(customer + " wants nothing");
      return what + " for " + customer;
    },
  };
}

child_spec clerks_child() {
  child_spec one;                                    // all are made of this one; they are numbered
  one.id = "clerk";
  one.start = [](const child_context& context) -> start_outcome {
    return spawn_supervised(context, clerk, context.arguments.get_as<std::string>(0));
  };
  one.restart = restart_policy::transient;

  supervisor_spec clerks;
  clerks.name = "clerks";
  clerks.strategy = strategy::pool;
  clerks.intensity = {20, 1s};
  clerks.children = {one};

  auto child = subtree(std::move(clerks));
  child.ref = std::make_shared<child_ref>();
  return child;
}

child_spec journal_child(const std::string& path) {
  const auto file = std::make_shared<std::ofstream>();
  plain_resource journal;
  journal.start = [=](const child_context&) -> result<void> {
    file->open(path, std::ios::app);
    if (!file->is_open())
      return user_failure(path, "cannot be written");
    return {};
  };
  journal.stop = [=] { file->close(); };

  child_spec spec;
  spec.id = "journal";
  spec.start = keeps(journal);
  spec.ref = std::make_shared<child_ref>();
  return spec;
}

/// Seats of the shop's till; a clerk takes one as long as it lives.
struct till {
  std::atomic<int> taken{0};
};

child_factory seated_clerk(const std::shared_ptr<till>& at) {
  return [at](const child_context& context) -> start_outcome {
    ++at->taken;
    context.ledger->book("a seat at the till", [at] { --at->taken; }).leave();
    return spawn_supervised(context, clerk, context.path);
  };
}

child_spec bounded_front(const child_ref_ptr& book) {
  auto spec = front_child(book);
  spec.mailbox.messages = 1000;
  spec.mailbox.policy = [](const caf::type_erased_tuple& message) {
    return message.match_elements<close_shop>() ? overflow::never : overflow::reject;
  };
  return spec;
}

std::unique_ptr<actor_node> opened(supervisor_spec tree) {
  auto node = actor_node::start(std::move(tree));
  REQUIRE(node);
  REQUIRE(node.value()->wait_started(60s));
  return std::move(node).value();
}

std::string history_of(const actor_node& node) {
  std::string all;
  for (const auto& entry : node.history().entries())
    all += to_text(entry) + "\n";
  return all;
}

template <class Reply, class Handle, class... Request>
result<Reply> ask(actor_node& node, const Handle& whom, Request... request) {
  caf::scoped_actor self{node.system()};
  result<Reply> reply = user_failure("request", "no answer");
  self->request(whom, 60s, std::move(request)...)
    .receive([&](Reply& x) { reply = std::move(x); }, [&](const caf::error& err) { reply = to_failure(err); });
  return reply;
}

std::string fetch(std::uint16_t port, const std::string& path) {
  const auto connection = dial_tcp("127.0.0.1", port, std::chrono::steady_clock::now() + 60s).value();
  const auto asked = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  REQUIRE(::send(connection, asked.data(), asked.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(asked.size()));
  std::string page;
  char part[4096];
  for (ssize_t length = 0; (length = ::recv(connection, part, sizeof(part), 0)) > 0;)
    page.append(part, static_cast<std::size_t>(length));
  ::close(connection);
  return page;
}

}  // namespace

TEST_CASE("tutorial: from an empty main to one child") { CHECK(first_step::main() == 0); }

TEST_CASE("tutorial: a child that throws is started again, and what it said is kept") {
  child_spec book;
  book.id = "book";
  book.start = spawns(price_book);
  book.ref = std::make_shared<child_ref>();          // as above, and its handle is to be had
  supervisor_spec tree;
  tree.name = "shop";
  tree.children = {book};
  const auto shop = opened(tree);

  caf::anon_send(book.ref->as<caf::actor>(), set_price{"tea", -1});

  REQUIRE(eventually([&] { return history_of(*shop).find("child restarted") != std::string::npos; }));
  for (const auto& entry : shop->history().entries())
    std::printf("%s\n", to_text(entry).c_str());
  CHECK_THAT(history_of(*shop), Contains("/shop/book #1 child ended (failure): ") && Contains("a price below zero: tea") &&
                                  Contains("/shop/book #2 child restarted (failure)"));
  const auto answer = ask<int>(*shop, book.ref->as<caf::actor>(), ask_price{"tea"});
  REQUIRE_FALSE(answer);
  CHECK_THAT(answer.error().to_string(), Contains("no price for tea"));
  CHECK_THAT(to_text(*shop->tree().value()), Contains("book  running  restarts 1  last failure: "));
}

TEST_CASE("tutorial: a budget that is used up ends the tree") {
  auto book = book_child();
  auto tree = shop_of({book});
  tree.intensity = {1, 10s};
  const auto shop = opened(tree);
  caf::anon_send(book.ref->as<caf::actor>(), set_price{"tea", -1});
  REQUIRE(eventually([&] {
    const auto live = shop->tree();
    return live && (*live)->children.at(0)->incarnation == 2 && book.ref->get();
  }));
  caf::anon_send(book.ref->as<caf::actor>(), set_price{"tea", -1});
  const auto end = shop->wait_ended();
  CHECK(end.reason.restart_limit);
  CHECK_THAT(end.reason.text, Contains("more than 1 restarts within 10000 ms; last: book: "));
}

TEST_CASE("tutorial: a second child, and who goes with whom") {
  const auto book = book_child();
  const auto at_front = front_child(book.ref);
  const auto shop = opened(shop_of({book, at_front}));

  caf::anon_send(book.ref->as<caf::actor>(), set_price{"tea", 320});
  const auto before = at_front.ref->get();
  REQUIRE(eventually([&] {
    const auto cents = ask<int>(*shop, at_front.ref->as<caf::actor>(), ask_price{"tea"});
    return cents && *cents == 320;
  }));
  caf::anon_send(book.ref->as<caf::actor>(), set_price{"tea", -1});
  REQUIRE(eventually([&] { return at_front.ref->get() && at_front.ref->get() != before; }));
  CHECK_THAT(history_of(*shop), Contains("/shop/front #2 child restarted (group)"));
}

TEST_CASE("tutorial: a pool below") {
  const auto clerks = clerks_child();
  const auto shop = opened(shop_of({clerks}));

  caf::scoped_actor self{shop->system()};
  caf::actor hired;
  self->request(clerks.ref->as<supervisor_actor>(), 5s, start_pool_child_request{caf::make_message(std::string{"Ada"})})
    .receive([&](const child_handle& x) { hired = caf::actor_cast<caf::actor>(x.handle); },
             [&](const caf::error& err) { std::fprintf(stderr, "%s\n", describe(err).c_str()); });
  bounded_system::let_go();

  REQUIRE(hired);
  CHECK(ask<std::string>(*shop, hired, std::string{"tea"}).value() == "tea for Ada");
  CHECK_THAT(to_text(*shop->tree().value()), Contains("clerks/  running") && Contains("    1  running"));
  const auto failed = ask<std::string>(*shop, hired, std::string{});
  REQUIRE_FALSE(failed);
  CHECK_THAT(failed.error().to_string(), Contains("Ada wants nothing"));
  hired = nullptr;
}

TEST_CASE("tutorial: a resource that is no actor") {
  const std::string path = "tutorial_journal.txt";
  const auto journal = journal_child(path);
  const auto shop = opened(shop_of({journal}));
  CHECK(std::ifstream{path}.good());

  const auto why = make_error(supervisor_error::start_failed, "the disk is full");
  caf::anon_send(journal.ref->as<caf::actor>(), caf::exit_msg{caf::actor_addr{}, why});

  REQUIRE(eventually([&] { return history_of(*shop).find("/shop/journal #2 child restarted (failure)") != std::string::npos; }));
  CHECK_THAT(history_of(*shop), Contains("/shop/journal #1 child ended (failure): the disk is full"));
  std::remove(path.c_str());

  auto nowhere = actor_node::start(shop_of({journal_child("/nowhere/at/all")})).value();
  const auto up = nowhere->wait_started(60s);
  REQUIRE_FALSE(up);
  CHECK_THAT(up.error().to_string(), Contains("journal did not start") && Contains("cannot be written"));
}

TEST_CASE("tutorial: what a life holds is released before its successor starts") {
  const auto counted = std::make_shared<till>();
  child_spec spec;
  spec.id = "clerk";
  spec.start = seated_clerk(counted);
  spec.ref = std::make_shared<child_ref>();
  const auto shop = opened(shop_of({spec}));
  CHECK(counted->taken == 1);
  CHECK_THAT(to_text(*shop->tree().value()), Contains("clerk  running  holds 1"));
  caf::anon_send(spec.ref->as<caf::actor>(), std::string{});
  REQUIRE(eventually([&] { return history_of(*shop).find("/shop/clerk #2 child restarted") != std::string::npos; }));
  CHECK(counted->taken == 1);
  shop->stop();
  CHECK(shop->wait_ended().left_behind == 0);
  CHECK(counted->taken == 0);
}

TEST_CASE("tutorial: a bounded mailbox") {
  const auto book = book_child();
  const auto at_front = bounded_front(book.ref);
  const auto shop = opened(shop_of({book, at_front}));
  caf::anon_send(book.ref->as<caf::actor>(), set_price{"tea", 320});
  CHECK(eventually([&] { return ask<int>(*shop, at_front.ref->as<caf::actor>(), ask_price{"tea"}).ok(); }));
  CHECK(at_front.mailbox.policy(*caf::make_message(close_shop{}).vals()) == overflow::never);
  CHECK(at_front.mailbox.policy(*caf::make_message(ask_price{"tea"}).vals()) == overflow::reject);
}

TEST_CASE("tutorial: who blocks, and what is abandoned") {
  auto entered = std::make_shared<std::promise<void>>(), open = std::make_shared<std::promise<void>>();
  auto left = std::make_shared<std::atomic<bool>>(false);
  child_spec slow;
  slow.id = "slow";
  slow.start = spawns([=](caf::event_based_actor* self) -> caf::behavior {
    self->attach_functor([left](const caf::error&) { *left = true; });
    return {[=](close_shop) { entered->set_value(); open->get_future().wait(); }};
  });
  slow.ref = std::make_shared<child_ref>();

  slow.shutdown = 300ms;                             // asked to end, and waited for so long
  auto tree = shop_of({book_child(), slow});
  tree.kill_grace = 100ms;                           // then killed, and waited for so long; then it is abandoned

  actor_node_options options;
  options.stop_limit = 2s;                           // of the whole: what has not ended then is left behind
  auto started = actor_node::start(std::move(tree), std::move(options));

  REQUIRE(started);
  const auto shop = std::move(started).value();
  REQUIRE(shop->wait_started(60s));
  caf::anon_send(slow.ref->as<caf::actor>(), close_shop{});
  entered->get_future().wait();
  shop->stop();
  REQUIRE(eventually([&] {
    const auto live = shop->tree();
    return !live || to_text(**live).find("in close_shop for") != std::string::npos;
  }));

  shop->stop();
  if (const auto live = shop->tree())                // whoever is `stopping` blocks
    std::printf("%s", to_text(**live).c_str());
  const auto end = shop->wait_ended();
  std::printf("%s: %llu abandoned, %zu left behind\n", end.in_time ? "in time" : "late",
              static_cast<unsigned long long>(end.abandoned), end.left_behind);

  CHECK(end.in_time);
  CHECK(end.abandoned == 1);
  CHECK(end.left_behind == 1);
  CHECK_THAT(history_of(*shop), Contains("/shop/slow #1 child abandoned: did not end within its limit, in close_shop"));
  open->set_value();
  CHECK(eventually([&] { return left->load(); }));
}

TEST_CASE("tutorial: it serves its tree and its metrics") {
  const auto shop = opened(shop_of({book_child()}));
  const std::uint16_t port = 0;

  http::server_config listen;                        // 127.0.0.1, unless it says otherwise
  listen.ports = {port, port};
  auto server = http::server::start(listen, [&](const http::request& asked, const http::responder& answer) {
    if (!shop->answer(asked, answer))                // it is none of its pages: your own follow here
      answer(http::error_response(404, "there are /flott/v1/tree, /metrics, /livez and /readyz"));
  });
  if (!server)
    std::fprintf(stderr, "%s\n", server.error().to_string().c_str());

  REQUIRE(server);
  const auto at = server.value()->port();
  CHECK_THAT(fetch(at, "/flott/v1/tree"), Contains("200 OK") && Contains(R"("path":"/shop/book")"));
  CHECK_THAT(fetch(at, "/metrics"), Contains(R"(flott_actors{child="book",supervisor="shop"} 1)"));
  CHECK_THAT(fetch(at, "/readyz"), Contains("200 OK"));
  CHECK_THAT(fetch(at, "/elsewhere"), Contains("404"));

  shop->stop();                                      // the tree is served until it is gone
  static_cast<void>(shop->wait_ended());
  server.value()->stop();                            // before the node is destroyed
}

TEST_CASE("tutorial: a child's own test") {
  const auto found = flott::testing::check_child({.spec = {.id = {}, .start = spawns(price_book)},
                                                  .probe = flott::testing::asks<int>(ask_price{"tea"}),
                                                  .touch = flott::testing::tells(set_price{"tea", 320})});
  INFO(to_string(found));
  CHECK(all_passed(found));
}

TEST_CASE("tutorial: the shop among faults") {
  const std::uint64_t seed = 7;
  flott::testing::virtual_system world{seed};
  flott::testing::fault_plan plan{seed, {.start_fails = 0.1, .handler_throws = 0.05}};
  plan.in(world).script({flott::testing::fault_kind::handler_throws, "/shop/book", 3});   // its third message

  auto book = book_child();
  book.start = plan.disturb(book.start);
  book.retry_first_start = true;                     // the plan may strike at once
  auto tree = shop_of({book, front_child(book.ref)});
  tree.intensity = {1000, 10s};
  const auto root = spawn_supervisor(world.system(), tree).value();
  world.settle();
  for (int i = 0; i < 50; ++i) {
    if (const auto living = book.ref->as<caf::actor>())
      caf::anon_send(living, set_price{"tea", 320 + i});
    world.advance(10ms);
  }
  plan.calm();                                       // from here on everything has to come back
  world.advance(10s);
  INFO(plan.to_string());
  CHECK(plan.injected() > 0);
  REQUIRE(book.ref->get());
  CHECK_FALSE(world.ask_now<int>(book.ref->as<caf::actor>(), ask_price{"coffee"}).value);

  const auto end = world.ask_now<supervisor_end>(root, stop_request{});
  CHECK(end.value->abandoned == 0);
}
