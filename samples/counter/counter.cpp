// A service and its customer: a counter that adds up what it is told, as far as its limit goes.
#include <equus/host/main.hpp>
#include <equus/services/console.hpp>

namespace lab {

// [messages]
struct total {
    std::int64_t value = 0;
    EQUUS_FIELDS(value)
};
struct add { // has a reply: it is invoked
    using reply = total;
    std::int64_t amount = 0;
    EQUUS_FIELDS(amount)
};
struct set_back { // has none: it is sent
    std::int64_t to = 0;
    EQUUS_FIELDS(to)
};
using counting = equus::protocol<"lab.counting", add, set_back>;
// [/messages]

// [counter]
class counter : public equus::incarnation<counter> {
public:
    struct parameters {
        std::int64_t limit = 100;
        EQUUS_FIELDS(limit)
    };
    struct state {
        std::int64_t sum = 0;
        EQUUS_FIELDS(sum)
    };
    parameters parameters_;
    state state_;
    equus::port<counting> in{*this, "in"};

    equus::result<total> on(add a) {
        if (state_.sum + a.amount > parameters_.limit)
            return equus::fail(equus::errc::refused,
                               "the limit is " + std::to_string(parameters_.limit));
        state_.sum += a.amount;
        return total{state_.sum};
    }
    void on(set_back s) { state_.sum = s.to; }
};
// [/counter]

// [customer]
class customer : public equus::incarnation<customer> {
public:
    equus::stream<counting> sums{*this, "sums"};
    equus::stream<equus::console::printing> console{*this, "console"};

    equus::task<std::int32_t> main() {
        for (const std::int64_t amount : {20, 30, 70}) {
            auto told = co_await sums.invoke<add>(amount).within(std::chrono::seconds{2});
            std::string line = std::to_string(amount) + ": ";
            line += told ? "the sum is " + std::to_string(told->value) : told.error().describe();
            co_await console.invoke<equus::console::write>(line + "\n");
        }
        co_await equus::ok(co_await sums.send<set_back>(0));
        co_return 0;
    }
};
// [/customer]

} // namespace lab

// [main]
int main(int argc, char** argv) {
    equus::main m{argc, argv};
    m.module<lab::counter>("lab.counter");
    m.module<lab::customer>("lab.customer");
    return m.run();
}
// [/main]
