// A museum counts its visitors: a turnstile tells the counter of each, and is told how many there
// were. This is what the exercise starts from, and it is wrong: see README.md.
#pragma once

#include <equus/equus.hpp>
#include <equus/services/console.hpp>

#include <string>

namespace lab {

using namespace std::chrono_literals;

struct counted {
    std::int64_t visitors = 0;
    EQUUS_FIELDS(visitors)
};
struct visitor {
    using reply = counted;
    std::string gate;
    EQUUS_FIELDS(gate)
};
using counting = equus::protocol<"lab.counting", visitor>;

class counter : public equus::incarnation<counter> {
public:
    struct state {
        std::int64_t visitors = 0;
        EQUUS_FIELDS(visitors)
    };
    state state_;
    equus::port<counting> in{*this, "in"};

    counted on(visitor) { return counted{++state_.visitors}; }
};

// [turnstile]
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
            const std::int64_t all = co_await count_one();
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
    equus::task<std::int64_t> count_one() {
        for (;;) {
            auto told = co_await counter.invoke<visitor>("north").within(500ms);
            if (told)
                co_return told->visitors;
            // No answer: the network must have lost the message. Once more.
        }
    }
    equus::task<> say(std::string line) {
        line += "\n";
        co_await equus::ok(co_await console.invoke<equus::console::write>(line));
    }
};
// [/turnstile]

} // namespace lab
