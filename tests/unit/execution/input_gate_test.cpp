#include "runtime/execution/input_gate.hpp"
#include "tests/support/number_job.hpp"

#include <catch2/catch.hpp>

using namespace flott;
using flott::testing::number_batch;

namespace {

struct gate_of {
  explicit gate_of(std::size_t channels) {
    for (std::size_t i = 0; i < channels; ++i) {
      gate.add(0);
      sources.push_back(std::make_shared<channel>(1 << 20));
      gate.connect(i, sources.back());
    }
  }
  /// Everything that can be had, one word an event: "b7" a batch with first value 7, "w7" a watermark, "idle",
  /// "busy", "barrier7", "latency", "end", "broke".
  std::string drain() {
    std::string words;
    for (;;) {
      auto event = gate.next();
      if (std::holds_alternative<input_gate::nothing>(event))
        return words;
      if (!words.empty())
        words += ' ';
      if (auto* b = std::get_if<input_gate::input_batch>(&event))
        words += "b" + std::to_string(b->batch.values<std::int64_t>(0)[0]);
      else if (auto* w = std::get_if<watermark>(&event))
        words += "w" + std::to_string(w->time);
      else if (auto* s = std::get_if<stream_status>(&event))
        words += s->idle ? "idle" : "busy";
      else if (auto* c = std::get_if<barrier>(&event))
        words += "barrier" + std::to_string(c->id);
      else if (std::holds_alternative<latency_marker>(event))
        words += "latency";
      else if (std::holds_alternative<input_gate::all_ended>(event))
        return words + "end";
      else if (std::holds_alternative<input_gate::unreadable>(event))
        return words + "unreadable";
      else
        return words + "broke";
    }
  }
  void push(std::size_t to, channel_element e) { sources[to]->push(std::move(e)); }

  input_gate gate{nullptr};
  std::vector<std::shared_ptr<channel>> sources;
};

}  // namespace

TEST_CASE("batches are taken from the channels in turn, and each channel keeps its order") {
  gate_of g(2);
  for (int i = 0; i < 3; ++i) {
    g.push(0, number_batch({i}));
    g.push(1, number_batch({10 + i}));
  }
  CHECK(g.drain() == "b0 b10 b1 b11 b2 b12");
}

TEST_CASE("the watermark is the least of all channels and never goes back") {
  gate_of g(3);
  g.push(0, watermark{5});
  g.push(1, watermark{9});
  CHECK(g.drain() == "");
  g.push(2, watermark{7});
  CHECK(g.drain() == "w5");
  g.push(0, watermark{4});
  CHECK(g.drain() == "");
  g.push(0, watermark{20});
  CHECK(g.drain() == "w7");
  g.push(2, end_of_stream{});            // an ended channel holds nothing back
  CHECK(g.drain() == "w9");
}

TEST_CASE("an idle channel does not hold the watermark back; the gate is idle when all are") {
  gate_of g(2);
  g.push(0, watermark{5});
  g.push(1, stream_status{true});
  CHECK(g.drain() == "w5");
  g.push(0, stream_status{true});
  CHECK(g.drain() == "idle");
  g.push(1, number_batch({3}));          // a record ends idleness
  CHECK(g.drain() == "busy b3");
  g.push(1, watermark{4});
  CHECK(g.drain() == "");                // not below what was promised
  g.push(1, stream_status{true});
  CHECK(g.drain() == "idle");
  g.push(1, end_of_stream{});
  g.push(0, stream_status{false});
  CHECK(g.drain() == "busy");
}

TEST_CASE("a barrier holds its channel back until the others have delivered it or ended") {
  gate_of g(3);
  g.push(0, barrier{1, 0});
  g.push(0, number_batch({100}));        // belongs to the next checkpoint
  g.push(1, number_batch({1}));
  CHECK(g.drain() == "b1");
  g.push(1, barrier{1, 0});
  g.push(2, number_batch({2}));
  CHECK(g.drain() == "b2");
  g.push(2, end_of_stream{});
  CHECK(g.drain() == "barrier1 b100");
  g.push(0, barrier{1, 0});              // late: ignored
  g.push(1, number_batch({3}));
  CHECK(g.drain() == "b3");
}

TEST_CASE("a later checkpoint abandons the alignment of an earlier one") {
  gate_of g(2);
  g.push(0, barrier{1, 0});
  g.push(0, number_batch({10}));
  g.push(0, barrier{2, 0});
  g.push(1, barrier{2, 0});
  g.push(1, number_batch({20}));
  CHECK(g.drain() == "b10 barrier2 b20");
}

TEST_CASE("a channel that breaks off is told, one that has ended is not missed") {
  gate_of g(2);
  g.push(0, end_of_stream{});
  g.sources[0]->break_producer({false, transient_failure("a", "b")});
  CHECK(g.drain() == "");
  g.push(1, latency_marker{1, 2});
  CHECK(g.drain() == "latency");
  SECTION("broken") {
    g.sources[1]->break_producer({false, transient_failure("a", "b")});
    CHECK(g.drain() == "broke");
  }
  SECTION("ended") {
    g.push(1, end_of_stream{});
    CHECK(g.drain() == "end");
    CHECK(g.drain() == "end");
  }
}

TEST_CASE("bytes that are no batch are told") {
  gate_of g(1);
  auto bytes = arena::make(nullptr, 64);
  std::fill_n(bytes->data(), 64, std::byte{7});
  g.push(0, encoded_batch{bytes, 64, flott::testing::number_schema()});
  CHECK(g.drain() == "unreadable");
}
