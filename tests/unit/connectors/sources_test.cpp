#include "runtime/base/simulated_env.hpp"
#include "runtime/connectors/connectors.hpp"
#include "tests/support/operator_harness.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/connectors/files.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace flott;

namespace {

struct numbered {
  std::uint64_t number = 0;
  text name;
};
FLOTT_DESCRIBE(numbered, number, name)

operator_factory numbers(generator_options options) {
  return make_generator(options, [](std::uint64_t first, std::uint64_t step, std::uint32_t count,
                                    const std::shared_ptr<memory_budget>& budget) {
    typed_batch_builder<numbered> builder(budget, count);
    for (std::uint32_t i = 0; i < count; ++i)
      builder.append({first + i * step, builder.texts().copy("n" + std::to_string(first + i * step))});
    return builder.finish();
  });
}

record_batch splits_of(const std::string& path, std::uint64_t size, std::uint64_t bytes) {
  const input_file file{path, size};
  typed_batch_builder<split_row> builder(nullptr);
  for (const file_split& split : plan_splits({&file, 1}, bytes))
    builder.append({split.path, split.begin, split.end, split.file_size});
  return builder.finish();
}

}  // namespace

TEST_CASE("the lister emits a batch for each split, and goes on where it was cut", "[source]") {
  const testing::temporary_folder folder;
  const std::string a = write_file(folder / "a", "1234567"), b = write_file(folder / "b", "1");
  test::harness h(make_file_lister((folder / "*").string(), 3));
  CHECK(h.run_source() == test::rows{a + "|0|3|7", a + "|3|6|7", a + "|6|7|7", b + "|0|1|1"});
  h.check_source_cuts();
  test::collecting_output out;
  auto lister = h.open(out);
  out.is_full = true;
  CHECK(*lister->advance() == progress::more);
  CHECK(out.batches.empty());
  out.is_full = false;
  CHECK(*lister->advance() == progress::done);
  CHECK(out.batches.size() == 4);
}

TEST_CASE("the lister's failure names what is missing", "[source]") {
  test::harness h(make_file_lister("/no/such/file"));
  test::collecting_output out;
  const auto step = h.open(out)->advance();
  REQUIRE_FALSE(step.ok());
  CHECK(step.error().where == "/no/such/file");
  CHECK(step.error().cls == failure_class::permanent);
}

TEST_CASE("the reader gives lines and records of its splits, and goes on where it was cut", "[source]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "text", "a: 1\nb: 2\n\nc: 3\r\n\n\nd");
  test::harness lines(make_file_reader(text_format::lines));
  lines.input(splits_of(path, 20, 4));
  CHECK(lines.run_source() == test::rows{"a: 1|" + path + "|0", "b: 2|" + path + "|5", "|" + path + "|10",
                                         "c: 3|" + path + "|11", "|" + path + "|17", "|" + path + "|18",
                                         "d|" + path + "|19"});
  lines.check_source_cuts();
  test::harness records(make_file_reader(text_format::records));
  records.input(splits_of(path, 20, 4));
  CHECK(records.run_source() == test::rows{"a: 1\nb: 2|" + path + "|0", "c: 3|" + path + "|11", "d|" + path + "|19"});
  records.check_source_cuts();
}

TEST_CASE("many lines take many batches, cut anywhere between them", "[source]") {
  const testing::temporary_folder folder;
  std::string content;
  for (int i = 0; i < 20'000; ++i)
    content += std::to_string(i) + "\n";
  const std::string path = write_file(folder / "text", content);
  test::harness h(make_file_reader(text_format::lines));
  h.input(splits_of(path, content.size(), 40'000));
  const auto found = h.run_source();
  REQUIRE(found.size() == 20'000);
  CHECK(found.back().starts_with("19999|"));
  h.check_source_cuts();
}

TEST_CASE("the limit of a record is the job's option", "[source]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "text", "short\n" + std::string(100, 'x') + "\n");
  test::harness h(make_file_reader(text_format::lines));
  h.context.options["source.max-record-size"] = "64 b";
  test::collecting_output out;
  auto reader = h.open(out);
  REQUIRE(reader->process(0, splits_of(path, 107, 1000)).ok());
  result<progress> step = progress::more;
  while (step.ok() && *step != progress::done)
    step = reader->advance();
  REQUIRE_FALSE(step.ok());
  CHECK(step.error().where == path + " at byte 6");
}

TEST_CASE("a bad record is named by file and line of the whole file", "[source]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "text", "one\ntwo\nthree\nfour\n");
  const failure_exception bad = bad_record(line{"three", path, 8}, "is " + quoted("th\xff\n'"));
  CHECK(bad.error().where == path + ":3");
  CHECK(bad.error().message == "is 'th\\xff\\x0a''");
  CHECK(bad.error().domain == failure_domain::user);
  CHECK(bad_record(record{"three\nfour", path, 8}, "x", 6).error().where == path + ":4");
  CHECK(bad_record(line{"x", "/no/such/file", 8}, "x").error().where == "/no/such/file at byte 8");
}

TEST_CASE("a bounded generator gives each number once, whatever its parallelism", "[source]") {
  for (const std::uint32_t subtasks : {1U, 3U, 8U}) {
    test::rows all;
    for (std::uint32_t i = 0; i < subtasks; ++i) {
      test::harness h(numbers({.count = 7, .rows_per_second = {}}));
      h.context.subtask_index = i;
      h.context.subtasks = subtasks;
      for (auto& row : h.run_source())
        all.push_back(row);
      h.check_source_cuts();
    }
    std::ranges::sort(all);
    CHECK(all == test::rows{"0|n0", "1|n1", "2|n2", "3|n3", "4|n4", "5|n5", "6|n6"});
  }
}

TEST_CASE("a generator keeps its rate, shared among its subtasks", "[source]") {
  using std::chrono::milliseconds;
  simulated_env environment(1);
  for (std::uint32_t i = 0; i < 2; ++i) {
    test::harness h(numbers({.count = {}, .rows_per_second = 10}));
    h.context.environment_used = &environment;
    h.context.subtask_index = i;
    h.context.subtasks = 2;
    test::collecting_output out;
    auto source = h.open(out);
    const auto run = [&] {
      while (*source->advance() == progress::more) {}
      return out.lines.size();
    };
    CHECK(run() == (i == 0 ? 1 : 0));       // the other subtask's first row is due after a tenth of a second
    REQUIRE_FALSE(h.context.wake_ups.empty());
    CHECK((h.context.wake_ups.back() - environment.now()) / milliseconds(1) == (i == 0 ? 200 : 100));
    environment.advance(milliseconds(10'050));
    CHECK(run() == (i == 0 ? 51 : 50));
    source = h.cut(std::move(source), out);
    (void)run();
    environment.advance(milliseconds(150));
    CHECK(out.lines.back() == (i == 0 ? "102|n102" : "99|n99"));
    (void)run();
    CHECK(out.lines.back() == (i == 0 ? "102|n102" : "101|n101"));
  }
}

TEST_CASE("a generator without a rate stops only for what is behind it", "[source]") {
  test::harness h(numbers({}));
  test::collecting_output out;
  auto source = h.open(out);
  CHECK(*source->advance() == progress::more);
  CHECK(out.lines.size() == target_batch_rows);
  out.is_full = true;
  CHECK(*source->advance() == progress::more);
  CHECK(out.lines.size() == target_batch_rows);
}
