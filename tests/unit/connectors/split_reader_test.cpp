#include "runtime/connectors/newline_scan.hpp"
#include "runtime/connectors/split_reader.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/connectors/files.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace flott;

namespace {

using rows = std::vector<std::pair<std::string, std::int64_t>>;   // value, offset

/// The plain truth: one pass over the whole text.
rows lines_of(const std::string& content) {
  rows found;
  for (std::size_t at = 0; at < content.size();) {
    std::size_t end = content.find('\n', at);
    const std::size_t next = end == std::string::npos ? content.size() : end + 1;
    if (end == std::string::npos)
      end = content.size();
    else if (end > at && content[end - 1] == '\r')
      --end;
    found.emplace_back(content.substr(at, end - at), static_cast<std::int64_t>(at));
    at = next;
  }
  return found;
}

rows records_of(const std::string& content) {
  rows found;
  bool open = false;
  for (const auto& [line, offset] : lines_of(content)) {
    if (line.empty()) {
      open = false;
    } else if (!open) {
      found.emplace_back(line, offset);
      open = true;
    } else {
      const auto begin = static_cast<std::size_t>(found.back().second);
      found.back().first = content.substr(begin, static_cast<std::size_t>(offset) + line.size() - begin);
    }
  }
  return found;
}

void read_all(split_reader& reader, std::uint32_t room, rows& to) {
  std::vector<text> values(room);
  std::vector<std::int64_t> offsets(room);
  for (;;) {
    const auto step = reader.next({values.data(), offsets.data(), room, 1 << 20});
    REQUIRE(step.ok());
    if (*step == split_reader::step::ended)
      return;
    if (*step == split_reader::step::blocked) {
      reader.take_blocking_read()();
      continue;
    }
    for (std::uint32_t i = 0; i < reader.rows(); ++i)
      to.emplace_back(values[i].str(), offsets[i]);
  }
}

rows read_in_splits(const std::string& path, std::uint64_t size, std::uint64_t split_bytes, text_format format,
                    std::size_t chunk) {
  rows found;
  const input_file file{path, size};
  for (const file_split& split : plan_splits({&file, 1}, split_bytes)) {
    auto reader = split_reader::open(split, format, {.max_record_bytes = 1 << 20, .chunk_bytes = chunk}, nullptr);
    REQUIRE(reader.ok());
    read_all(**reader, 3, found);
  }
  return found;
}

const std::vector<std::string> contents{
    "", "\n", "a", "a\n", "a\nb", "a\r\nb\r\n", "\r\n", "\n\na\n\nb\n", "a\n\nb", "a\nb\n\n\nc\nd\n\n", "\r\n\r\na\r\n\r\nb\r\nc",
    "one line that is rather long, longer than a chunk\nx\n\ny", "a\r", "\r", "a\n\r\nb", "a\n\r\n\nb\r\n\r\nc\n",
};

}  // namespace

TEST_CASE("splits of every size give each line once", "[files]") {
  const testing::temporary_folder folder;
  for (const std::string& content : contents) {
    const std::string path = write_file(folder / "text", content);
    for (std::uint64_t split = 1; split <= content.size(); ++split)
      for (const std::size_t chunk : {1, 7, 4096}) {
        CAPTURE(content, split, chunk);
        CHECK(read_in_splits(path, content.size(), split, text_format::lines, chunk) == lines_of(content));
        CHECK(read_in_splits(path, content.size(), split, text_format::records, chunk) == records_of(content));
      }
  }
}

TEST_CASE("random text in random splits gives each line and record once", "[files]") {
  const testing::temporary_folder folder;
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string content;
    for (std::size_t i = random() % 400; i > 0; --i)
      content += "ab \n\n\r\n"[random() % 7];
    const std::string path = write_file(folder / "text", content);
    const std::uint64_t split = 1 + random() % 40;
    const std::size_t chunk = 1 + random() % 50;
    CAPTURE(round, split, chunk, content);
    REQUIRE(read_in_splits(path, content.size(), split, text_format::lines, chunk) == lines_of(content));
    REQUIRE(read_in_splits(path, content.size(), split, text_format::records, chunk) == records_of(content));
  }
}

TEST_CASE("the rest of a half-read split is what it had not given", "[files]") {
  const testing::temporary_folder folder;
  const std::string content = "first\nx\n\n\nsecond\r\n\r\nthird\nthird\n\nfourth";
  const std::string path = write_file(folder / "text", content);
  for (const text_format format : {text_format::lines, text_format::records})
    for (std::uint64_t begin = 0; begin < content.size(); ++begin) {
      const file_split split{path, begin, content.size(), content.size()};
      rows whole;
      read_all(**split_reader::open(split, format, {.chunk_bytes = 5}, nullptr), 100, whole);
      for (std::size_t taken = 0; taken <= whole.size(); ++taken) {
        auto reader = split_reader::open(split, format, {.chunk_bytes = 5}, nullptr);
        text value;
        std::int64_t offset = 0;
        rows found;
        while (found.size() < taken) {
          const auto step = (*reader)->next({&value, &offset, 1, 1});
          if (*step == split_reader::step::blocked)
            (*reader)->take_blocking_read()();
          else
            found.emplace_back(value.str(), offset);
        }
        read_all(**split_reader::open((*reader)->rest(), format, {.chunk_bytes = 5}, nullptr), 100, found);
        CHECK(found == whole);
      }
    }
}

TEST_CASE("a line beyond the limit fails, naming file and offset", "[files]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "text", "short\n" + std::string(5000, 'x') + "\nshort\n");
  for (const text_format format : {text_format::lines, text_format::records}) {
    auto reader = split_reader::open({path, 0, 5012, 5012}, format, {.max_record_bytes = 4096, .chunk_bytes = 512},
                                     nullptr);
    std::vector<text> values(10);
    std::vector<std::int64_t> offsets(10);
    for (;;) {
      const auto step = (*reader)->next({values.data(), offsets.data(), 10, 1 << 20});
      if (step.ok() && *step == split_reader::step::blocked) {
        (*reader)->take_blocking_read()();
        continue;
      }
      if (step.ok()) {
        REQUIRE(*step == split_reader::step::rows);
        continue;
      }
      CHECK(step.error().domain == failure_domain::user);
      CHECK(step.error().cls == failure_class::permanent);
      CHECK(step.error().where == path + (format == text_format::lines ? " at byte 6" : " at byte 0"));
      break;
    }
  }
}

TEST_CASE("a file that became shorter is an error, not less data", "[files]") {
  const testing::temporary_folder folder;
  const std::string path = write_file(folder / "text", "abc\n");
  auto reader = split_reader::open({path, 0, 100, 100}, text_format::lines, {}, nullptr);
  text value;
  std::int64_t offset = 0;
  bool failed = false;
  for (int i = 0; i < 10 && !failed; ++i) {
    const auto step = (*reader)->next({&value, &offset, 1, 100});
    failed = !step.ok();
    if (step.ok() && *step == split_reader::step::blocked)
      (*reader)->take_blocking_read()();
  }
  CHECK(failed);
}

TEST_CASE("newlines are found wherever they stand", "[files]") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string content(random() % 700, 'x');
    const std::uint64_t every = 1 + random() % 90;
    std::vector<std::uint32_t> expected;
    const std::size_t from = content.empty() ? 0 : random() % content.size();
    for (std::size_t i = 0; i < content.size(); ++i)
      if (random() % every == 0) {
        content[i] = '\n';
        if (i >= from)
          expected.push_back(static_cast<std::uint32_t>(i));
      }
    std::vector<std::uint32_t> found, positions(64 + random() % 100);
    for (std::size_t at = from; at < content.size();) {
      std::size_t count = 0;
      at = find_newlines(content.data(), at, content.size(), positions.data(), positions.size(), count);
      found.insert(found.end(), positions.begin(), positions.begin() + static_cast<std::ptrdiff_t>(count));
    }
    REQUIRE(found == expected);
  }
}
