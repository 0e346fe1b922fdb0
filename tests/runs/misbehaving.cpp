// A program whose modules do what they should not.
#include <equus/host/main.hpp>
#include <equus/services/console.hpp>

#include <stdexcept>

namespace {

struct survived {
    std::string text;
    EQUUS_FIELDS(text)
};
struct provoke {
    using reply = survived;
    std::string how;
    EQUUS_FIELDS(how)
};
using provoking = equus::protocol<"lab.provoking", provoke>;

struct thrower : equus::incarnation<thrower> {
    equus::port<provoking> asks{*this, "asks"};
    survived on(provoke p) {
        if (p.how == "exception")
            throw std::runtime_error{"thrown on purpose"};
        if (p.how == "number")
            throw 42;
        return {p.how};
    }
};

/// Throws where its parameter says, and answers nobody.
struct broken : equus::incarnation<broken> {
    struct parameters {
        std::string where;
        EQUUS_FIELDS(where)
    };
    parameters parameters_;
    equus::port<provoking> asks{*this, "asks"};
    equus::task<> start() {
        if (parameters_.where == "start")
            throw std::runtime_error{"no start"};
        co_return;
    }
    equus::task<> main() {
        auto asked = co_await asks.receive();
        if (parameters_.where == "main")
            throw std::runtime_error{"no main"};
    }
};

/// Its handler asks the next before it answers: a ring of them never does.
struct neighbour : equus::incarnation<neighbour> {
    equus::port<provoking> in{*this, "in"};
    equus::stream<provoking> out{*this, "out"};
    equus::task<survived> on(provoke p) {
        auto got = co_await out.invoke<provoke>(p.how).within(equus::for_ever);
        co_return got ? std::move(*got) : survived{};
    }
};

/// Asks the first of the ring.
struct starter : equus::incarnation<starter> {
    equus::stream<provoking> out{*this, "out"};
    equus::task<> main() {
        static_cast<void>(co_await out.invoke<provoke>("round").within(equus::for_ever));
    }
};

struct provoker : equus::incarnation<provoker> {
    equus::stream<provoking> asks{*this, "asks"};
    equus::stream<equus::console::printing> console{*this, "console"};
    equus::task<std::int32_t> main() {
        for (const char* how : {"exception", "number", "nothing"}) {
            std::string text{how};
            auto answer = co_await asks.invoke<provoke>(text);
            std::string line =
                text + ": " + (answer ? answer->text : answer.error().describe()) + "\n";
            co_await console.invoke<equus::console::write>(std::move(line));
        }
        co_return 7;
    }
};

} // namespace

int main(int argc, char** argv) {
    equus::main m{argc, argv};
    m.module<thrower>("lab.thrower").module<broken>("lab.broken").module<provoker>("lab.provoker");
    m.module<neighbour>("lab.neighbour").module<starter>("lab.starter");
    return m.run();
}
