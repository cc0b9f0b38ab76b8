#include "apps/cli/printable.hpp"
#include "apps/top/comparison.hpp"
#include "apps/top/lines.hpp"
#include "apps/top/terminal.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace flott;
using namespace flott::cli;
using namespace flott::cli::top;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

json::object supervisor(const std::string& path, json::array children, const std::string& state = "running") {
  return {{"path", path}, {"kind", "supervisor"}, {"state", state}, {"incarnation", 1}, {"children", std::move(children)}};
}

struct numbers {
  int handled = 0, busy_ms = 0, waiting = 0, oldest_ms = 0, in_handler_ms = 0, incarnation = 1, restarts = 0;
  std::string state = "running";
  json::value handling = nullptr;
};

json::object worker(const std::string& path, const numbers& x) {
  return {{"path", path}, {"kind", "worker"}, {"state", x.state}, {"incarnation", x.incarnation},
          {"restarts", {{"total", x.restarts}}}, {"abandoned", 0}, {"last_failure", nullptr},
          {"mailbox", {{"length", x.waiting}, {"bytes", 0}, {"oldest_ms", x.oldest_ms}}},
          {"handled", x.handled}, {"busy_ms", x.busy_ms}, {"in_handler_ms", x.in_handler_ms}, {"handling", x.handling}};
}

tree_document read(const json::value& document) {
  auto made = read_tree_document(json::serialize(document));
  REQUIRE(made.ok());
  return std::move(made).value();
}

tree_document service(json::array children, const std::string& state = "running") {
  return read(supervisor("/service", std::move(children), state));
}

tree_document cluster(const std::vector<std::pair<std::string, json::value>>& nodes) {
  json::array all;
  for (const auto& [id, tree] : nodes)
    all.push_back(json::object{{"node", id}, {"tree", tree}});
  return read(json::object{{"nodes", std::move(all)}});
}

const row& row_at(const comparison& what, const std::string& where) {
  for (const auto& each : what.rows)
    if (each.where == where)
      return each;
  FAIL("there is no row " << where);
  return what.rows.front();
}

std::vector<std::string> places(const comparison& what) {
  std::vector<std::string> all;
  for (const auto& each : what.rows)
    all.push_back(each.where.substr(each.where.rfind('/') + 1));
  return all;
}

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("rates are of the time between two looks") {
  const auto before = service({worker("/service/a", {.handled = 1000, .busy_ms = 400})});
  const auto now = service({worker("/service/a", {.handled = 1500, .busy_ms = 900})});
  const auto seen = compare(&before, now, 2000ms, order::path);
  CHECK(row_at(seen, "/service/a").handled_per_s == 250.0);
  CHECK(row_at(seen, "/service/a").busy_percent == 25.0);
  CHECK(seen.all.handled_per_s == 250.0);
  CHECK(seen.all.supervisors == 1);
  CHECK(seen.all.actors == 1);
  CHECK_FALSE(row_at(seen, "/service").handled_per_s);      // nobody counts a supervisor's messages
}

TEST_CASE("what is not comparable has no rates") {
  const auto look = service({worker("/service/a", {.handled = 10, .busy_ms = 10})});
  CHECK_FALSE(compare(nullptr, look, 1000ms, order::busy).all.handled_per_s);
  CHECK_FALSE(compare(&look, look, 0ms, order::busy).all.handled_per_s);

  const auto other = service({worker("/service/b", {.handled = 5})});
  CHECK_FALSE(row_at(compare(&look, other, 1000ms, order::busy), "/service/b").handled_per_s);
  const auto process_anew = service({worker("/service/a", {.handled = 3})});
  CHECK_FALSE(row_at(compare(&look, process_anew, 1000ms, order::busy), "/service/a").handled_per_s);
  const auto later = service({worker("/service/a", {.handled = 900, .incarnation = 3})});
  CHECK_FALSE(row_at(compare(&later, look, 1000ms, order::busy), "/service/a").handled_per_s);
}

TEST_CASE("a new incarnation has done all it did since the look before") {
  const auto before = service({worker("/service/a", {.handled = 1000, .busy_ms = 800})});
  const auto now = service({worker("/service/a", {.handled = 7, .busy_ms = 100, .incarnation = 2, .restarts = 1})});
  const auto& a = row_at(compare(&before, now, 1000ms, order::busy), "/service/a");
  CHECK(a.handled_per_s == 7.0);
  CHECK(a.busy_percent == 10.0);
  CHECK(a.restarts == 1);
}

TEST_CASE("busy time is never more than the time there was, nor less than none") {
  const auto before = service({worker("/service/a", {.busy_ms = 100}), worker("/service/b", {.busy_ms = 500})});
  const auto now = service({worker("/service/a", {.busy_ms = 1110}), worker("/service/b", {.busy_ms = 499})});
  const auto seen = compare(&before, now, 1000ms, order::busy);
  CHECK(row_at(seen, "/service/a").busy_percent == 100.0);
  CHECK(row_at(seen, "/service/b").busy_percent == 0.0);
}

TEST_CASE("rows are sorted by what was asked for, equals as in the tree") {
  const auto before = service({worker("/service/a", {}), worker("/service/b", {}), worker("/service/c", {})});
  const auto now = service({worker("/service/a", {.handled = 1, .busy_ms = 5, .waiting = 9, .oldest_ms = 1, .restarts = 2}),
                            worker("/service/b", {.handled = 3, .busy_ms = 9, .waiting = 0}),
                            worker("/service/c", {.handled = 2, .busy_ms = 9, .waiting = 1, .oldest_ms = 70})});
  const auto by = [&](order x) { return places(compare(&before, now, 1000ms, x)); };
  CHECK(by(order::busy) == names{"b", "c", "a", "service"});
  CHECK(by(order::mailbox) == names{"a", "c", "b", "service"});
  CHECK(by(order::oldest) == names{"c", "a", "service", "b"});
  CHECK(by(order::handled) == names{"b", "c", "a", "service"});
  CHECK(by(order::restarts) == names{"a", "service", "b", "c"});
  CHECK(by(order::path) == names{"service", "a", "b", "c"});
  auto seen = compare(&before, now, 1000ms, order::busy);
  sort(seen.rows, order::path);                  // again, by another key
  CHECK(places(seen) == names{"service", "a", "b", "c"});
  for (const auto x : {order::busy, order::mailbox, order::oldest, order::handled, order::restarts, order::path}) {
    CHECK(parse_order(to_string(x)) == x);
    CHECK(order_of_key(to_string(x)[0]) == x);
  }
  CHECK_FALSE(parse_order("bus"));
  CHECK_FALSE(order_of_key('q'));
}

TEST_CASE("states are counted") {
  auto waiting = worker("/service/a", {.state = "restarting"});
  waiting["restart_in_ms"] = 250;
  auto given_up = worker("/service/b", {.state = "abandoned"});
  given_up["abandoned"] = 2;
  auto root = supervisor("/service", {waiting, given_up, worker("/service/c", {.in_handler_ms = 5, .state = "stopping"})});
  root["abandoned"] = 2;
  const auto seen = compare(nullptr, read(root), 0ms, order::path);
  CHECK(seen.all.restarting == 1);
  CHECK(seen.all.stopping == 1);
  CHECK(seen.all.abandoned == 1);
  CHECK(seen.all.given_up == 2);
  CHECK(row_at(seen, "/service/a").state == "restarting in 250 ms");
  CHECK(seen.blockers.empty());                  // one child is to end, not the process
}

TEST_CASE("who is in a handler while its process stops blocks the shutdown") {
  const auto tree = [](const std::string& state) {
    return supervisor("/service", {worker("/service/a", {.in_handler_ms = 3200, .state = "stopping", .handling = "chat::line"}),
                                   worker("/service/b", {.state = "stopping"}), worker("/service/c", {.in_handler_ms = 10})}, state);
  };
  const auto seen = compare(nullptr, cluster({{"n-1", tree("stopping")}, {"n-2", tree("running")}}), 0ms, order::path);
  REQUIRE(seen.blockers.size() == 1);
  CHECK(seen.blockers[0].where == "n-1:/service/a");
  const auto heading = lines_of(seen, {.from = "here"}).heading;
  REQUIRE(heading.size() == 3);
  CHECK(heading[2] == "shutdown blocked by: n-1:/service/a (in chat::line for 3.2 s)");
}

TEST_CASE("of a cluster, who is silent and who went away is said") {
  const auto tree = supervisor("/taskmanager", {worker("/taskmanager/a", {.handled = 5})});
  const auto before = cluster({{"n-1", tree}, {"n-2", tree}, {"n-3", tree}});
  const auto now = cluster({{"n-1", tree}, {"n-2", json::object{{"state", "unreachable"}, {"last_failure", "too late"}}}, {"n-4", nullptr}});
  const auto seen = compare(&before, now, 1000ms, order::path);
  CHECK(seen.silent == names{"n-2: too late", "n-4: no answer"});
  CHECK(seen.gone == names{"n-3"});
  CHECK(seen.rows.size() == 2);
  CHECK(row_at(seen, "n-1:/taskmanager/a").handled_per_s == 0.0);
}

TEST_CASE("a page says it all") {
  const auto before = service({worker("/service/a", {.handled = 100}), worker("/service/b", {})});
  auto failed = worker("/service/b", {.state = "running", .handling = "tick"});
  failed["last_failure"] = "boom";
  const auto now = service({worker("/service/a", {.handled = 1300, .busy_ms = 500, .waiting = 12, .oldest_ms = 1500,
                                                  .in_handler_ms = 400, .handling = "line"}), failed});
  const auto page = lines_of(compare(&before, now, 1000ms, order::path), {.from = "host:1", .by = order::path, .notes = {"a note"}});
  CHECK(page.heading == names{"host:1   by path",
                              "1 supervisor, 2 actors; 0 restarting, 0 stopping, 0 abandoned; 1200 messages/s", "a note"});
  CHECK(page.columns == "ACTOR       STATE    MAILBOX  OLDEST  MSG/S  BUSY %  RESTARTS  HANDLING         LAST FAILURE");
  CHECK(page.rows == names{"/service    running        -       -      -       -         0",
                           "/service/a  running       12   1.5 s   1200      50         0  line for 400 ms",
                           "/service/b  running        0       -    0.0     0.0         0  tick             boom"});
}

TEST_CASE("a page fits the screen") {
  json::array children;
  for (int i = 0; i < 50; ++i)
    children.push_back(worker("/service/a-child-with-a-long-name-" + std::to_string(i), {.handling = "something long"}));
  const auto seen = compare(nullptr, service(children), 0ms, order::path);
  for (std::size_t width = 1; width < 150; width += 7)
    for (std::size_t height = 1; height < 60; ++height) {
      const auto page = lines_of(seen, {.from = "h:1", .notes = {"1", "2", "3"}, .width = width, .height = height});
      CAPTURE(width, height);
      if (height >= 3)
        REQUIRE(page.heading.size() + 1 + page.rows.size() <= height);
      REQUIRE(characters(page.columns) == width);
      for (const auto& row : page.rows)
        REQUIRE((characters(row) <= width || row.starts_with("... and")));
    }
  CHECK(lines_of(seen, {.width = 80, .height = 10}).rows.back() == "... and 45 more rows");
  CHECK(lines_of(seen, {.width = 80, .height = 54}).rows.size() == 51);
  CHECK(lines_of(seen, {.most_rows = 3}).rows.size() == 4);
  const auto narrow = lines_of(seen, {.width = 80, .height = 10}).rows[1];
  CHECK(narrow.starts_with("…"));                // a path's end tells more than its beginning
  CHECK(narrow.find("name-0 ") != std::string::npos);
}

TEST_CASE("what a tree says cannot drive a terminal") {
  CHECK(printable("a\x1b[2Jb\r\n\tc\x7f") == "a [2Jb   c ");
  CHECK(printable("\xc2\x9b" "31m") == " 31m");                   // CSI as one C1 character
  CHECK(printable("\x9b" "31m\xc3") == " 31m ");                  // and as a byte; the beginning of a character
  CHECK(printable("\xc0\x9b \xed\xa0\x80 \xf5\x80\x80\x80") == std::string(11, ' '));
  CHECK(printable("a\u202eb\u2028c\u2066") == "a b c ");
  CHECK(printable("überlang … 日本 😀") == "überlang … 日本 😀");
  auto evil = worker("/service/\x1b]0;x\x07", {.in_handler_ms = 1, .state = "run\x1b[m", .handling = "a\nb"});
  evil["last_failure"] = "\x1b[31mred\u009b";
  const auto page = lines_of(compare(nullptr, service({evil}), 0ms, order::path), {.from = "\x1b[1m"});
  for (const auto& line : {page.heading[0], page.rows[1]})
    CHECK(std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
  CHECK(page.rows[1].find("\xc2\x9b") == std::string::npos);
}

TEST_CASE("arrows are no letters") {
  CHECK(without_sequences("qp") == "qp");
  CHECK(without_sequences("a\033[Bb\033[1;5Hc\033OPd\033[15~e\033mf") == "abcdef");
  for (const auto* cut : {"\033", "\033[", "\033[1;", "\033O"})
    CHECK(without_sequences(cut).empty());
}

TEST_CASE("text is cut by characters") {
  CHECK(cut_end("größe", 5) == "größe");
  CHECK(cut_end("größe", 4) == "grö…");
  CHECK(cut_begin("größe", 4) == "…öße");
  CHECK(cut_begin("größe", 1) == "…");
  CHECK(cut_end("größe", 0).empty());
}

TEST_CASE("documents that are no trees are refused") {
  for (const auto* text : {"", "[]", "{}", "oops", R"({"path":)", R"({"error":"x"})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_tree_document(text).ok());
  }
  CHECK(read_tree_document(R"({"nodes":[1,{"node":7,"tree":"x"}]})")->actors.empty());
  CHECK(read_tree_document(R"({"path":"/a","children":[null,{"path":3,"mailbox":{"length":-1}}]})")->actors.size() == 2);
}

TEST_CASE("trees may be deep") {
  json::value tree = worker("/deepest", {});
  for (int i = 0; i < 100; ++i)
    tree = supervisor("/" + std::to_string(i), {tree});
  CHECK(read(tree).actors.size() == 101);
}
