#include <equus/base/assert.hpp>

#include <cstdio>
#include <cstdlib>

void equus::assertion_failed(const char* file, int line, const char* condition) noexcept {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    std::abort();
}
