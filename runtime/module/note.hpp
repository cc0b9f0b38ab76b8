#pragma once

/// The ELF notes by which a job module says, before it is loaded, what it was built for and which job functions it has.
/// Owner "Flott". Type 1, once: text, a line `key=value` a fact, so that facts can be added without a new layout.
/// Type 2, for each job function: its name.

/// Counts the incompatible changes of what job modules are compiled against (runtime/api and all it includes).
#define FLOTT_API_VERSION 1

#define FLOTT_NOTE_OWNER "Flott"
#define FLOTT_NOTE_TYPE_MODULE 1
#define FLOTT_NOTE_TYPE_JOB 2

#if defined(__clang__)
#define FLOTT_NOTE_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define FLOTT_NOTE_COMPILER "gcc " __VERSION__
#else
#define FLOTT_NOTE_COMPILER "unknown"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FLOTT_NOTE_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define FLOTT_NOTE_SANITIZER "thread"
#endif
#endif
#if !defined(FLOTT_NOTE_SANITIZER)
#if defined(__SANITIZE_ADDRESS__)
#define FLOTT_NOTE_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define FLOTT_NOTE_SANITIZER "thread"
#else
#define FLOTT_NOTE_SANITIZER "none"
#endif
#endif

/// The level of x86-64 that the compiler was allowed to use; elsewhere the machine itself.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define FLOTT_NOTE_INSTRUCTION_SET "x86-64-v4"
#elif defined(__AVX2__)
#define FLOTT_NOTE_INSTRUCTION_SET "x86-64-v3"
#elif defined(__SSE4_2__)
#define FLOTT_NOTE_INSTRUCTION_SET "x86-64-v2"
#elif defined(__x86_64__)
#define FLOTT_NOTE_INSTRUCTION_SET "x86-64"
#elif defined(__aarch64__)
#define FLOTT_NOTE_INSTRUCTION_SET "aarch64"
#else
#define FLOTT_NOTE_INSTRUCTION_SET "unknown"
#endif

/// Which layout std::string and std::list have.
#if defined(_LIBCPP_VERSION)
#define FLOTT_NOTE_STANDARD_LIBRARY "libc++"
#elif defined(_GLIBCXX_USE_CXX11_ABI) && _GLIBCXX_USE_CXX11_ABI
#define FLOTT_NOTE_STANDARD_LIBRARY "libstdc++ cxx11"
#else
#define FLOTT_NOTE_STANDARD_LIBRARY "libstdc++ old"
#endif

#define FLOTT_NOTE_TEXT_OF_(x) #x
#define FLOTT_NOTE_TEXT_OF(x) FLOTT_NOTE_TEXT_OF_(x)

/// Writes a note whose description the assembler directives `content` make. Assembly, because only the section's type
/// makes the linker put it where it can be found without section headers.
#define FLOTT_NOTE(type, content)                     \
  __asm__(".pushsection .note.flott,\"a\",%note\n"    \
          ".balign 4\n"                               \
          ".long 2f-1f\n"                             \
          ".long 4f-3f\n"                             \
          ".long " FLOTT_NOTE_TEXT_OF(type) "\n"      \
          "1: .asciz \"" FLOTT_NOTE_OWNER "\"\n"      \
          "2: .balign 4\n"                            \
          "3:\n" content                              \
          "4: .balign 4\n"                            \
          ".popsection\n")

/// Names a job function of this module.
#define FLOTT_NOTE_JOB(name) FLOTT_NOTE(FLOTT_NOTE_TYPE_JOB, ".ascii \"" name "\"\n")
