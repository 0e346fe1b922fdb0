// The counter and the turnstile that pass every seed. Read README.md first, and try it yourself.
#pragma once

#include "counting.hpp"

#include <map>

namespace lab::solution {

// [identity]
/// A visitor who can be told of twice: gate and number say who it is.
struct numbered_visitor {
    using reply = counted;
    std::string gate;
    std::int64_t number = 0;
    EQUUS_FIELDS(gate, number)
};
using counting = equus::protocol<"lab.numbered_counting", numbered_visitor>;

class counter : public equus::incarnation<counter> {
public:
    struct answer {
        std::int64_t number = 0;
        std::int64_t visitors = 0;
        EQUUS_FIELDS(number, visitors)
    };
    struct state {
        std::int64_t visitors = 0;
        std::map<std::string, answer> last; ///< of each gate
        EQUUS_FIELDS(visitors, last)
    };
    state state_;
    equus::port<counting> in{*this, "in"};

    counted on(numbered_visitor v) {
        answer& last = state_.last[v.gate];
        if (v.number > last.number)
            last = {v.number, ++state_.visitors};
        return counted{last.visitors}; // the same answer, however often it is asked for
    }
};
// [/identity]

class turnstile : public equus::incarnation<turnstile> {
public:
    struct parameters {
        std::int64_t visitors = 10;
        EQUUS_FIELDS(visitors)
    };
    parameters parameters_;
    equus::stream<counting> counter{*this, "counter"};
    equus::stream<equus::console::printing> console{*this, "console"};

    equus::task<std::int32_t> main() {
        for (std::int64_t passed = 1; passed <= parameters_.visitors; ++passed) {
            co_await equus::sleep(100ms);
            const std::int64_t all = co_await count_one(passed);
            if (all != passed) {
                co_await say("visitor " + std::to_string(passed) + " was counted as number " +
                             std::to_string(all));
                co_return 1;
            }
        }
        co_await say(std::to_string(parameters_.visitors) + " visitors passed and were counted");
        co_return 0;
    }

private:
    equus::task<std::int64_t> count_one(std::int64_t number) {
        for (;;) {
            auto told = co_await counter.invoke<numbered_visitor>("north", number).within(500ms);
            if (told)
                co_return told->visitors;
        }
    }
    equus::task<> say(std::string line) {
        line += "\n";
        co_await equus::ok(co_await console.invoke<equus::console::write>(line));
    }
};

} // namespace lab::solution
