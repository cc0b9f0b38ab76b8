#include "runtime/supervision/report_text.hpp"

#include <algorithm>

namespace flott::supervision {

std::string report_text(std::string text) {
  constexpr std::size_t half = 995;                // and five bytes between them
  const auto inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  if (text.size() > 2 * half + 5) {
    auto head = half, tail = text.size() - half;
    while (head > 0 && inside(head))                 // no character is cut in two
      --head;
    while (tail < text.size() && inside(tail))
      ++tail;
    text = text.substr(0, head) + " ... " + text.substr(tail);
  }
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text;
}

}  // namespace flott::supervision
