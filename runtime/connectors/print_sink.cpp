#include "runtime/base/log.hpp"
#include "runtime/connectors/row_format.hpp"
#include "runtime/connectors/sinks.hpp"
#include "runtime/operators/base_operator.hpp"

#include <cstdio>

namespace flott {
namespace {

class print_sink final : public base_operator {
 public:
  result<void> open(operator_context& context, output& out) override {
    FLOTT_TRY(base_operator::open(context, out));
    to_stdout_ = context.option("print.to-stdout") == "true";
    return {};
  }

  result<void> process(std::size_t, record_batch batch) override {
    std::string text;
    batch.for_each_row([&](std::uint32_t row) {
      if (!to_stdout_)
        text.clear();
      append_json_row(text, batch, row);
      if (to_stdout_)
        text += '\n';
      else
        log::info("row printed", {{"job", context().job()}, {"operator", context().operator_name()},
                                  {"subtask", context().subtask()}, {"row", text}});
    });
    if (to_stdout_) {                    // one call: lines of several subtasks do not mix
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    }
    return {};
  }
  result<void> process_watermark(watermark) override { return {}; }

 private:
  bool to_stdout_ = false;
};

}  // namespace

operator_factory make_print_sink() {
  return []() -> result<std::unique_ptr<stream_operator>> { return {std::make_unique<print_sink>()}; };
}

}  // namespace flott
