#include <equus/host/main.hpp>
#include <equus/services/console.hpp>
struct greeting { std::string text; EQUUS_FIELDS(text) };
struct greet { using reply = greeting; std::string name; EQUUS_FIELDS(name) };
using greeting_protocol = equus::protocol<"hello.greeting", greet>;
struct greeter : equus::incarnation<greeter> {
    equus::port<greeting_protocol> door{*this, "door"};
    greeting on(greet g) { return {"hello, " + g.name + "\n"}; }
};
struct guest : equus::incarnation<guest> {
    equus::stream<greeting_protocol> door{*this, "door"};
    equus::stream<equus::console::printing> console{*this, "console"};
    equus::task<> main() {
        auto answer = co_await equus::ok(co_await door.invoke<greet>("world"));
        co_await console.invoke<equus::console::write>(answer.text);
    }
};
int main(int argc, char** argv) {
    return equus::main{argc, argv}.module<greeter>("hello.greeter").module<guest>("hello.guest").run();
}
