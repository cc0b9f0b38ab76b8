#include "runtime/resources/process_table.hpp"
#include "tests/support/mutate.hpp"
#include "tests/unit/resources/processes.hpp"

#include <unistd.h>

using namespace flott;
using namespace flott::testing;
using Catch::Matchers::Contains;

namespace {

const process_record sample{"taskmanager-0123456789ab", msg::NODE_ROLE_TASKMANAGER, 4711, 123'456'789, "boot",
                            "/tmp/a \"log\"", {"/bin/flott", "taskmanager", "-D", "a=b"}};

}  // namespace

TEST_CASE("a record is read as it was written") {
  CHECK(parse_process_record(to_json(sample), "f").value() == sample);
}

TEST_CASE("a record that could hit the wrong process is refused") {
  const auto text = to_json(sample);
  const auto replaced = [&](const std::string& what, const std::string& by) {
    auto copy = text;
    copy.replace(copy.find(what), what.size(), by);
    return parse_process_record(copy, "f.json");
  };
  for (const auto* pid : {"0", "1", "-1", "-4711", "4711.5", "99999999999999999999", "\"4711\"", "null"}) {
    INFO(pid);
    CHECK_THAT(replaced("4711", pid).error().cause, Contains("pid"));
  }
  CHECK_THAT(replaced("taskmanager-0123456789ab", "../../etc/passwd").error().cause, Contains("id"));
  CHECK_THAT(replaced("\"role\":\"taskmanager", "\"role\":\"janitor").error().cause, Contains("role"));
  CHECK_THAT(replaced(":123456789", ":-1").error().cause, Contains("start_ticks"));
  CHECK(parse_process_record("[]", "f.json").error().where == "f.json");
}

TEST_CASE("whatever the bytes of a record, a process or a clear error") {
  const auto seed = GENERATE(1u, 2u, 3u);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3000; ++i) {
    const auto record = parse_process_record(mutate(to_json(sample), random), "f");
    INFO("seed " << seed << ", step " << i);
    if (record.ok()) {
      CHECK(record->pid > 1);
      CHECK(record->node_id.find('/') == std::string::npos);
    } else {
      CHECK(record.error().where == "f");
    }
  }
}

TEST_CASE("this process is alive, one with its pid but another start or boot is not") {
  temporary_folder folder;
  const auto record = record_this_process("dispatcher-1", msg::NODE_ROLE_DISPATCHER, folder / "run", "log",
                                          system_env());
  REQUIRE(record.ok());
  CHECK(record->pid == ::getpid());
  CHECK(is_alive(record.value()));
  CHECK(open_process(record.value()).valid());
  CHECK(recorded_processes(folder / "run") == std::vector{record.value()});
  auto other = record.value();
  ++other.start_ticks;
  CHECK_FALSE(is_alive(other));
  CHECK_FALSE(open_process(other).valid());
  other = record.value();
  other.boot_id = "another";
  CHECK_FALSE(is_alive(other));
}

TEST_CASE("a folder's records are listed, what is none is reported") {
  temporary_folder folder;
  CHECK(recorded_processes(folder / "missing").empty());
  REQUIRE(system_env().write_file(folder / "a.json", to_json(sample)).ok());
  REQUIRE(system_env().write_file(folder / "b.json", "{").ok());
  REQUIRE(system_env().write_file(folder / "c.crash", "x").ok());
  std::vector<failure> broken;
  CHECK(recorded_processes(folder.path(), &broken) == std::vector{sample});
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].where == (folder / "b.json").string());
}

TEST_CASE("node ids say their role and do not repeat") {
  const auto id = new_node_id(msg::NODE_ROLE_JOBMANAGER, system_env());
  CHECK(id.starts_with("jobmanager-"));
  CHECK(id.size() == 11 + 12);
  CHECK(id != new_node_id(msg::NODE_ROLE_JOBMANAGER, system_env()));
  CHECK(parse_role(role_name(msg::NODE_ROLE_DISPATCHER)) == msg::NODE_ROLE_DISPATCHER);
  CHECK(parse_role("janitor") == msg::NODE_ROLE_UNSPECIFIED);
}
