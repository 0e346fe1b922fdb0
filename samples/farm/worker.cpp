#include "farm.hpp"

namespace farm {

using namespace equus;

// [worker]
task<> worker::main() {
    bool counted = false;
    std::uint32_t id = 0;
    std::uint64_t primes = 0;
    for (;;) {
        auto next = co_await tasks.invoke<next_range>(self(), std::string{own_name()}, where(),
                                                      counted, id, primes);
        if (!next)
            co_await ok(fail(std::move(next.error())));
        if (!next->any)
            co_return;
        count_primes job;
        job.from = next->from;
        job.below = next->below;
        auto found = co_await effect(count_effect, job);
        if (!found)
            co_await ok(fail(std::move(found.error())));
        counted = true;
        id = next->id;
        primes = found->count;
    }
}
// [/worker]

void add_farm(module_table& modules) {
    modules.add<manager>("farm.manager");
    modules.add<worker>("farm.worker", {std::string{count_effect}});
}

/// By trial division: work, not cleverness.
result<primes_found> primes_in(count_primes range) {
    primes_found out;
    for (std::uint64_t number = range.from < 2 ? 2 : range.from; number < range.below; ++number) {
        bool prime = number == 2 || number % 2 != 0;
        for (std::uint64_t by = 3; prime && by * by <= number; by += 2)
            prime = number % by != 0;
        out.count += prime ? 1 : 0;
    }
    return out;
}

} // namespace farm
