// The golden encodings as a program for the emulator of a big-endian target, which has no Catch2.
// Its exit code is how many kinds of message are not what they are everywhere else.
#include "golden.hpp"

#include <equus/base/assert.hpp>

#include <cstdio>
#include <cstdlib>

void equus::assertion_failed(const char* file, int line, const char* condition) noexcept {
    std::printf("%s:%d: %s\n", file, line, condition);
    std::abort();
}

int main() {
    static_assert(std::endian::native == std::endian::big);
    int wrong = 0;
    for (const golden::entry& each : golden::entries) {
        const bool good = each.hash() == each.wanted;
        std::printf("%s: %s\n", each.what, good ? "as everywhere" : "OTHER BYTES");
        wrong += good ? 0 : 1;
    }
    return wrong;
}
