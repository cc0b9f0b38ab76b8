#include "runtime/batch/typed_batch.hpp"
#include "runtime/connectors/file_committer.hpp"
#include "runtime/connectors/row_format.hpp"
#include "runtime/connectors/sinks.hpp"
#include "tests/support/operator_harness.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/connectors/files.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <limits>

using namespace flott;
namespace fs = std::filesystem;

namespace {

struct pair_row {
  text word;
  std::int64_t count = 0;
};
FLOTT_DESCRIBE(pair_row, word, count)

struct every_type {
  bool b = false;
  std::int32_t i = 0;
  std::uint64_t u = 0;
  double d = 0;
  text t;
};
FLOTT_DESCRIBE(every_type, b, i, u, d, t)

template <class T>
record_batch batch_of(std::initializer_list<T> rows) {
  typed_batch_builder<T> builder(nullptr);
  for (const T& row : rows)
    builder.append(row);
  return builder.finish();
}

/// One life of a sink: what it would have published.
std::vector<msg::Committable> write(test::harness& h, const std::vector<record_batch>& batches, bool cut = false) {
  test::collecting_output out;
  auto sink = h.open(out);
  for (const record_batch& batch : batches) {
    if (cut)
      sink = h.cut(std::move(sink), out);
    REQUIRE(sink->process(0, batch).ok());
  }
  REQUIRE(sink->finish().ok());
  auto committables = sink->prepare_commit();
  REQUIRE(committables.ok());
  return *committables;
}

}  // namespace

TEST_CASE("CSV is quoted where it must be", "[format]") {
  const auto batch = batch_of<every_type>({{true, -1, std::numeric_limits<std::uint64_t>::max(), 0.5, "plain"},
                                           {false, 0, 0, 1e300, "a,\"b\"\r\n"}, {false, 0, 0, 0, ""}});
  std::string csv;
  append_csv_header(csv, *batch.shape());
  batch.for_each_row([&](std::uint32_t row) { append_csv_row(csv, batch, row); });
  CHECK(csv == "b,i,u,d,t\ntrue,-1,18446744073709551615,0.5,plain\nfalse,0,0,1e+300,\"a,\"\"b\"\"\r\n\"\nfalse,0,0,0,\n");
}

TEST_CASE("JSON is valid whatever the bytes", "[format]") {
  const auto batch = batch_of<every_type>({{true, -1, 7, std::numeric_limits<double>::infinity(), "\x01\"\\\n\xff\xc3\xa4\xed\xa0\x80"}});
  std::string json;
  append_json_row(json, batch, 0);
  CHECK(json == "{\"b\":true,\"i\":-1,\"u\":7,\"d\":null,\"t\":\"\\u0001\\\"\\\\\\n\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
}

TEST_CASE("a CSV file appears when it is published", "[sink]") {
  const testing::temporary_folder folder;
  const fs::path out = folder / "out";
  test::harness h(make_csv_sink(description<pair_row>::shape(), out.string(), "counts.csv", true));
  const std::vector<record_batch> batches{batch_of<pair_row>({{"a", 1}, {"b", 2}}), batch_of<pair_row>({{"c", 3}})};
  const bool cut = GENERATE(false, true);
  const auto committables = write(h, batches, cut);
  CHECK_FALSE(fs::exists(out / "counts.csv"));
  REQUIRE(file_committer::publish(committables).ok());
  CHECK(read_file(out / "counts.csv") == "word,count\na,1\nb,2\nc,3\n");
  CHECK(std::distance(fs::directory_iterator(out), {}) == 1);
}

TEST_CASE("parts bear the subtask's number", "[sink]") {
  const testing::temporary_folder folder;
  std::vector<msg::Committable> committables;
  for (std::uint32_t i = 0; i < 2; ++i) {
    test::harness h(make_csv_sink(description<pair_row>::shape(), (folder / "out/").string(), "counts", false));
    h.context.subtask_index = i;
    h.context.subtasks = 2;
    for (auto& one : write(h, {batch_of<pair_row>({{"x", i}})}))
      committables.push_back(one);
  }
  REQUIRE(file_committer::publish(committables).ok());
  CHECK(read_file(folder / "out/counts/part-1.csv") == "word,count\nx,1\n");
  CHECK(check_output_directory((folder / "out").string(), job_id::from_words(1, 2)).ok());
}

TEST_CASE("a sink that is given up leaves nothing", "[sink]") {
  const testing::temporary_folder folder;
  {
    test::harness h(make_csv_sink(description<pair_row>::shape(), (folder / "out").string(), "counts.csv", true));
    test::collecting_output out;
    auto sink = h.open(out);
    REQUIRE(sink->process(0, batch_of<pair_row>({{"a", 1}})).ok());
    CHECK(fs::exists(folder / "out"));
  }
  CHECK_FALSE(fs::exists(folder / "out"));
}

TEST_CASE("a new try removes what an earlier one left when its process died", "[sink]") {
  const testing::temporary_folder folder;
  test::harness h(make_csv_sink(description<pair_row>::shape(), (folder / "out").string(), "counts.csv", true));
  const fs::path aside = aside_folder((folder / "out").string(), job_id::from_words(1, 2));
  write_file(aside / "counts.csv-0-0-7-0", "earlier epoch");
  write_file(aside / "counts.csv-0-2-0-0", "later epoch");
  write_file(aside / "other.csv-0-0-0-0", "another sink");
  test::collecting_output out;
  auto sink = h.open(out);
  REQUIRE(sink->process(0, batch_of<pair_row>({{"a", 1}})).ok());
  CHECK_FALSE(fs::exists(aside / "counts.csv-0-0-7-0"));
  CHECK(fs::exists(aside / "counts.csv-0-2-0-0"));
  CHECK(fs::exists(aside / "other.csv-0-0-0-0"));
  CHECK(fs::exists(aside / "counts.csv-0-1-0-0"));
}

TEST_CASE("a sink refuses a folder that is in use, and a file in many subtasks", "[sink]") {
  const testing::temporary_folder folder;
  write_file(folder / "out/other.txt", "x");
  const auto opens = [&](const std::string& directory, const std::string& name, std::uint32_t subtasks) {
    test::harness h(make_csv_sink(description<pair_row>::shape(), directory, name, true));
    h.context.subtasks = subtasks;
    test::collecting_output out;
    auto sink = make_csv_sink(description<pair_row>::shape(), directory, name, true)();
    return (*sink)->open(h.context, out);
  };
  const auto refused = opens((folder / "out").string(), "counts.csv", 1);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where == (folder / "out").string());
  CHECK(refused.error().message.find("other.txt") != std::string::npos);
  CHECK_FALSE(opens((folder / "new").string(), "counts.csv", 2).ok());
  CHECK_FALSE(opens((folder / "new").string(), "../counts.csv", 1).ok());
  CHECK_FALSE(opens((folder / "out/other.txt").string(), "counts.csv", 1).ok());
}

TEST_CASE("collected rows are capped by number and bytes", "[sink]") {
  test::harness h(make_collect_sink(description<pair_row>::shape(), "counts"));
  const auto batch = batch_of<pair_row>({{"a", 1}, {"b", 2}, {"c", 3}});
  const auto collected = [&] {
    test::collecting_output out;
    auto sink = h.open(out);
    REQUIRE(sink->process(0, batch).ok());
    sink = h.cut(std::move(sink), out);
    REQUIRE(sink->process(0, batch).ok());
    auto all = sink->take_collected();
    REQUIRE(all.size() == 1);
    return all[0];
  };
  const auto whole = collected();
  CHECK(whole.sink() == "counts");
  REQUIRE(whole.columns_size() == 2);
  CHECK(whole.columns(1) == "count");
  REQUIRE(whole.json_rows_size() == 6);
  CHECK(whole.json_rows(1) == "{\"word\":\"b\",\"count\":2}");
  CHECK_FALSE(whole.truncated());
  h.context.options["sink.collect.max-rows"] = "4";
  CHECK(collected().json_rows_size() == 4);
  CHECK(collected().truncated());
  h.context.options["sink.collect.max-size"] = "50 b";
  CHECK(collected().json_rows_size() == 2);
}
