#pragma once

// Compiled into every job module, once (flott_add_module() sees to it): says what the module was built for.

#include <string>   // decides which standard library this is

#include "runtime/module/note.hpp"

#define FLOTT_NOTE_LINE(key, value) ".ascii \"" key "=" value "\\n\"\n"

FLOTT_NOTE(FLOTT_NOTE_TYPE_MODULE,
           FLOTT_NOTE_LINE("api", FLOTT_NOTE_TEXT_OF(FLOTT_API_VERSION))
           FLOTT_NOTE_LINE("compiler", FLOTT_NOTE_COMPILER)
           FLOTT_NOTE_LINE("sanitizer", FLOTT_NOTE_SANITIZER)
           FLOTT_NOTE_LINE("instruction-set", FLOTT_NOTE_INSTRUCTION_SET)
           FLOTT_NOTE_LINE("standard-library", FLOTT_NOTE_STANDARD_LIBRARY));
