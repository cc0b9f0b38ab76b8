#include "runtime/supervision/report_text.hpp"
#include "tests/unit/supervision/world.hpp"

#include <boost/json.hpp>

using namespace flott::supervision;
using namespace flott::supervision::test;

// What people see: the tree, and the texts of reports.

TEST_CASE("the tree as JSON has one node shape, as text one line a node") {
  tree_node root;
  root.path = "/node";
  root.kind = child_kind::supervisor;
  root.incarnation = 1;
  auto worker = std::make_shared<tree_node>();
  worker->path = "/node/w";
  worker->state = child_state::restarting;
  worker->restart_in = 250ms;
  worker->incarnation = 3;
  worker->restarts[static_cast<std::size_t>(restart_cause::failure)] = 2;
  worker->last_failure = "said \"no\"";
  root.children.push_back(worker);
  const auto json = boost::json::parse(to_json(root)).as_object();
  CHECK(json.at("path") == "/node");
  CHECK(json.at("state") == "running");
  CHECK(json.at("restart_in_ms").is_null());
  CHECK(json.at("last_failure").is_null());
  const auto& below = json.at("children").as_array().at(0).as_object();
  CHECK(below.at("kind") == "worker");
  CHECK(below.at("state") == "restarting");
  CHECK(below.at("restart_in_ms") == 250);
  CHECK(below.at("incarnation") == 3);
  CHECK(below.at("restarts").as_object().at("failure") == 2);
  CHECK(below.at("restarts").as_object().at("total") == 2);
  CHECK(below.at("last_failure") == "said \"no\"");
  CHECK_FALSE(below.contains("children"));
  CHECK(to_text(root) == "/node/  running\n  w  restarting in 250 ms  restarts 2  last failure: said \"no\"\n");
}

TEST_CASE("format_log_1: reports have one shape and are limited in length; beginning and end are kept") {
  world w{with(strategy::one_for_one, 0), {child("a")}};
  w.boot();
  w.crash("a", "first" + std::string(100'000, '.') + "cause");
  REQUIRE(w.end);
  for (const auto& each : w.reports) {
    CHECK(each.text.size() <= 2'200);
    CHECK((each.key == 0 || (each.child == "a" && each.incarnation == 1)));
  }
  CHECK(w.end->text.size() <= 2'200);
  CHECK_THAT(w.end->text, Catch::Contains("a: first...") && Catch::EndsWith("...cause"));
  CHECK(report_text(std::string(1995, 'x')) == std::string(1995, 'x'));
  CHECK(report_text(std::string(1996, 'x')).size() == 1995);
  std::string umlauts;
  for (int i = 0; i < 2000; ++i)
    umlauts += "\xc3\xa4";                         // whichever way it is cut, no half of one is left
  for (const auto* prefix : {"", "x"}) {
    const auto text = report_text(prefix + umlauts);
    CHECK(text.size() <= 1995);
    CHECK(std::count(text.begin(), text.end(), '\xc3') == std::count(text.begin(), text.end(), '\xa4'));
  }
}

TEST_CASE("format_log_2: what a child said is one line, in reports and in the tree") {
  world w{with(strategy::one_for_one, 3), {child("a")}};
  w.boot();
  w.crash("a", "one\ntwo\r\tthree\x7f");
  CHECK(w.view("a").last_failure == "one two  three ");
  w.fails = {"a"};
  w.crash("a", "again");
  w.slow_to_start = {"b"};
  w.add(child("b"));
  w.not_ready("b", "three\nfour");
  for (const auto& each : w.reports)
    CHECK(each.text.find_first_of("\n\r\t") == std::string::npos);
  const auto text = to_text(w.view("a"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("the tree tells what a worker does and holds, and which supervisor did not answer") {
  tree_node root;
  root.path = "/node";
  root.kind = child_kind::supervisor;
  root.unanswered = true;
  auto worker = std::make_shared<tree_node>();
  worker->path = "/node/w";
  worker->state = child_state::stopping;
  worker->abandoned = 2;
  worker->vitals = vitals{.handled = 7, .waiting = 3, .waiting_bytes = 96, .oldest_ms = 40, .busy_ms = 50, .in_handler_ms = 1200,
                          .handling = "query"};
  for (int i = 0; i < 20; ++i)
    worker->ledger.push_back("slot " + std::to_string(i));
  root.children.push_back(worker);
  const auto json = boost::json::parse(to_json(root)).as_object();
  CHECK(json.at("unanswered") == true);
  CHECK_FALSE(json.contains("mailbox"));
  const auto& below = json.at("children").as_array().at(0).as_object();
  CHECK_FALSE(below.contains("unanswered"));
  CHECK(below.at("abandoned") == 2);
  CHECK(below.at("mailbox") == boost::json::object{{"length", 3}, {"bytes", 96}, {"oldest_ms", 40}});
  CHECK(below.at("handled") == 7);
  CHECK(below.at("busy_ms") == 50);
  CHECK(below.at("in_handler_ms") == 1200);
  CHECK(below.at("handling") == "query");
  CHECK(below.at("ledger").as_object().at("size") == 20);
  CHECK(below.at("ledger").as_object().at("entries").as_array().size() == 16);
  CHECK(to_text(root) == "/node/  running  (did not answer in time)\n"
                         "  w  stopping  abandoned 2  mailbox 3  in query for 1200 ms  holds 20\n");
}

TEST_CASE("words for people are those of the code, each its own") {
  const auto words = [](auto... each) { return std::set<std::string>{to_string(each)...}; };
  CHECK(words(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one, strategy::pool) ==
        std::set<std::string>{"one_for_one", "one_for_all", "rest_for_one", "pool"});
  CHECK(words(auto_shutdown::never, auto_shutdown::any_significant, auto_shutdown::all_significant) ==
        std::set<std::string>{"never", "any_significant", "all_significant"});
  CHECK(words(restart_policy::permanent, restart_policy::transient, restart_policy::temporary) ==
        std::set<std::string>{"permanent", "transient", "temporary"});
  CHECK(words(restart_cause::exit, restart_cause::failure, restart_cause::start_failed, restart_cause::restart_limit,
              restart_cause::group) ==
        std::set<std::string>{"exit", "failure", "start_failed", "restart_limit", "group"});
  std::set<std::string> reports;
  for (int i = 0; i <= static_cast<int>(report_kind::supervisor_ended); ++i)
    reports.insert(to_string(static_cast<report_kind>(i)));
  CHECK(reports.size() == 13);
  CHECK(reports.count("unknown") == 0);
}
