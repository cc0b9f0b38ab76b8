#pragma once

#include "runtime/http/multipart.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flott::http {

/// Keeps the parts of a multipart body: those with a file name in files of `directory`, the others in memory.
class form_sink final : public multipart_parser::listener {
 public:
  /// `max_value` bounds the bytes of all parts that are kept in memory.
  form_sink(std::string directory, std::size_t max_value) : directory_(std::move(directory)), max_value_(max_value) {}
  form_sink(const form_sink&) = delete;
  form_sink& operator=(const form_sink&) = delete;
  ~form_sink() override;

  result<void> begin_part(const form_part& part) override;
  result<void> part_data(std::string_view bytes) override;
  result<void> end_part() override;

  [[nodiscard]] std::vector<form_part> take() { return std::move(parts_); }

 private:
  std::string directory_;
  std::size_t max_value_;
  std::size_t values_ = 0;
  std::vector<form_part> parts_;
  int fd_ = -1;
};

}  // namespace flott::http
