#include "nodes.hpp"

#include <optional>
#include <stdexcept>

using namespace equus;
using namespace equus::test;

namespace {

// ---------------------------------------------------------------- a small cast

struct greeting {
    std::string text;
    EQUUS_FIELDS(text)
};
struct greet {
    using reply = greeting;
    std::string name;
    EQUUS_FIELDS(name)
};
struct note {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
struct fault {
    using reply = greeting;
    std::uint32_t how = 0;
    EQUUS_FIELDS(how)
};
struct pass;
using talking = protocol<"test.talking", greet, note, fault, pass>;
struct pass {
    using reply = greeting;
    stream<talking> what;
    EQUUS_FIELDS(what)
};
struct opened {
    stream<talking> out;
    EQUUS_FIELDS(out)
};
struct open_talk {
    using reply = opened;
    std::uint32_t unused = 0;
    EQUUS_FIELDS(unused)
};
using opening = protocol<"test.opening", open_talk>;

/// What happened, for the assertions; cleared by each test.
struct diary {
    std::vector<std::uint32_t> notes;
    std::vector<std::string> lines;
    std::vector<event> events;
    std::optional<result<greeting>> answer;
    std::optional<result<void>> sent;
    std::uint32_t done = 0;
};
diary seen;

class guest : public incarnation<guest> {
public:
    struct parameters {
        std::string act;
        std::uint32_t count = 10;
        EQUUS_FIELDS(act, count)
    };
    parameters parameters_;
    stream<opening> door{*this, "door"};

    task<> main() {
        auto got = co_await ok(co_await door.invoke<open_talk>(0u));
        const stream<talking> out = got.out;
        if (parameters_.act == "greet") {
            seen.answer = co_await out.invoke<greet>("guest");
        } else if (parameters_.act == "stream") {
            for (std::uint32_t i = 1; i <= parameters_.count; ++i)
                co_await ok(co_await out.send<note>(i));
            seen.done = parameters_.count;
        } else if (parameters_.act == "pass nothing") {
            auto passed = co_await out.invoke<pass>(stream<talking>{});
            seen.lines.push_back(passed ? passed->text : passed.error().describe());
        } else if (parameters_.act == "fault") {
            seen.answer = co_await out.invoke<fault>(parameters_.count);
        } else if (parameters_.act == "grow") {
            for (std::size_t size = 4'000; size <= 4'100; ++size) {
                std::string name(size, 'x');
                auto told = co_await out.invoke<greet>(std::move(name));
                std::string line = told ? "answered" : told.error().describe();
                if (seen.lines.empty() || seen.lines.back() != line)
                    seen.lines.push_back(std::move(line));
            }
            seen.answer = co_await out.invoke<greet>("guest");
        } else if (parameters_.act == "late") {
            seen.answer = co_await out.invoke<greet>("late").within(1us);
        } else if (parameters_.act == "two") {
            auto first = out.invoke<greet>("one");
            auto second = out.invoke<greet>("two");
            auto b = co_await second;
            auto a = co_await first;
            seen.lines = {a->text, b->text};
        } else if (parameters_.act == "wait") {
            seen.answer = co_await out.invoke<greet>("x");
            while (out.is_open())
                co_await sleep(10ms);
            seen.sent = co_await out.send<note>(1u);
        }
        out.close();
    }
};

/// A host that lets a guest in: it creates the guest itself, with a stream to its own door.
class host : public incarnation<host> {
public:
    port<talking> talk{*this, "talk"};
    port<opening> door{*this, "door"};
    struct parameters {
        std::string act;
        std::uint32_t count = 10;
        std::uint32_t guest_node = 1;
        std::uint32_t guests = 1;
        EQUUS_FIELDS(act, count, guest_node, guests)
    };
    parameters parameters_;

    task<> start() {
        for (std::uint32_t i = 0; i < parameters_.guests; ++i) {
            creation guest_is;
            guest_is.module = "guest";
            guest_is.name = "guest[" + std::to_string(i) + "]";
            guest_is.parameters["act"] = parameters_.act;
            guest_is.parameters["count"] = parameters_.count;
            guest_is.depends_on_launch = parameters_.act != "wait";
            guest_is.given["door"] = any_reference{door.open_stream()};
            auto made = co_await create(guest_is, node_id{parameters_.guest_node});
            if (!made)
                seen.lines.push_back(made.error().describe());
            else
                co_await ok(co_await made->watch());
        }
    }
    task<greeting> on(greet g) {
        co_await sleep(1ms);
        co_return greeting{"hello " + g.name};
    }
    void on(note n) { seen.notes.push_back(n.number); }
    task<greeting> on(fault f) {
        if (f.how == 0)
            throw std::runtime_error{"the press is on fire"};
        if (f.how == 1)
            co_return fail(errc::refused, "not today");
        co_await ok(fail(errc::not_found, "no paper"));
        co_return greeting{};
    }
    greeting on(pass p) { return {p.what ? "something" : "nothing"}; }
    opened on(open_talk) { return opened{talk.open_stream()}; }
};

module_table cast() {
    module_table modules;
    modules.add<host>("host");
    modules.add<guest>("guest");
    return modules;
}

creation host_for(std::string act, std::uint32_t count, std::uint32_t guest_node,
                  std::uint32_t guests = 1) {
    creation what;
    what.module = "host";
    what.name = "host";
    what.parameters["act"] = std::move(act);
    what.parameters["count"] = count;
    what.parameters["guest_node"] = guest_node;
    what.parameters["guests"] = guests;
    return what;
}

std::size_t incarnations_on(kernel& node) {
    return node.status().incarnations.size();
}

} // namespace

TEST_CASE("an invocation is answered on the same node and across nodes",
          "[kernel][K23][inc_create][inc_invoke][inc_reply]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    nodes net{modules, copied};
    kernel& root = net.add();
    net.add();
    REQUIRE(net.boot(root, host_for("greet", 1, guest_node)));
    net.advance(100ms);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->has_value());
    REQUIRE(seen.answer->value().text == "hello guest");
    REQUIRE(incarnations_on(root) == 1); // the guest's main() has returned
}

TEST_CASE("a stream's messages arrive in order, once, whatever the credit",
          "[kernel][K26][inc_send]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    nodes net{modules, copied};
    kernel_limits small;
    small.credit_messages = 5;
    small.credit_initial = 2;
    kernel& root = net.add(small);
    net.add(small);
    REQUIRE(net.boot(root, host_for("stream", 1'000, guest_node)));
    net.advance(2s);
    REQUIRE(seen.done == 1'000);
    REQUIRE(seen.notes.size() == 1'000);
    for (std::uint32_t i = 0; i < 1'000; ++i)
        REQUIRE(seen.notes[i] == i + 1);
    REQUIRE(root.counters().duplicates_dropped == 0);
}

TEST_CASE("messages under way survive a broken connection", "[kernel][K61]") {
    const module_table modules = cast();
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    kernel& other = net.add();
    REQUIRE(net.boot(root, host_for("stream", 5'000, 2)));
    for (int i = 0; i < 20; ++i) {
        net.cut(root, other);
        net.advance(30ms);
    }
    net.advance(5s);
    REQUIRE(seen.notes.size() == 5'000);
    REQUIRE(seen.notes.back() == 5'000);
}

TEST_CASE("a handler's failure is its caller's error, with the chain of causes", "[kernel]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    const std::uint32_t how = GENERATE(0u, 1u, 2u);
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    net.add();
    REQUIRE(net.boot(root, host_for("fault", how, guest_node)));
    net.advance(100ms);
    REQUIRE(seen.answer.has_value());
    REQUIRE_FALSE(seen.answer->has_value());
    REQUIRE(seen.answer->error() == errc::handler_failed);
    const std::string text = seen.answer->error().describe();
    const char* wanted[] = {"the press is on fire", "not today", "no paper"};
    REQUIRE(text.find(wanted[how]) != std::string::npos);
    // Link by link, on the same node and across: the handler's incarnation, then its own error.
    REQUIRE(seen.answer->error().text() == "host");
    const error* own = seen.answer->error().cause();
    REQUIRE(own != nullptr);
    const errc codes[] = {errc::handler_failed, errc::refused, errc::not_found};
    REQUIRE(own->code() == codes[how]);
    REQUIRE(own->text() == wanted[how]);
    REQUIRE(own->cause() == nullptr);
    REQUIRE(incarnations_on(root) == 1); // the host goes on
    REQUIRE(root.counters().handlers_failed == 1);
}

TEST_CASE(
    "a message or reply over the limit is refused with the limit's name, and the next goes on",
    "[kernel][K28]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    nodes net{modules, copied};
    kernel_limits small;
    small.message_bytes_max = 4'096;
    kernel& root = net.add(small);
    net.add(small);
    REQUIRE(net.boot(root, host_for("grow", 0, guest_node)));
    net.advance(1s);
    std::vector<std::string> told{"answered"};
    if (guest_node == 2 || copied) // a reply that only changes hands is never encoded
        told.emplace_back("too large: the reply is over message_bytes_max");
    told.emplace_back("too large: message_bytes_max");
    CHECK(seen.lines == told);
    REQUIRE(seen.answer.has_value());
    CHECK(seen.answer->has_value());
}

TEST_CASE("a call ends at its deadline", "[kernel][K27]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    net.add();
    REQUIRE(net.boot(root, host_for("late", 1, guest_node)));
    net.advance(100ms);
    REQUIRE(seen.answer.has_value());
    REQUIRE(seen.answer->error() == errc::maybe_delivered);
    REQUIRE(root.status().incarnations.at(0).calls_waiting == 0);
}

TEST_CASE("calls may be started together and awaited in any order", "[kernel][K29]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    net.add();
    REQUIRE(net.boot(root, host_for("two", 1, guest_node)));
    net.advance(100ms);
    REQUIRE(seen.lines == std::vector<std::string>{"hello one", "hello two"});
}

TEST_CASE("a reference that names nothing arrives as one that names nothing", "[kernel][K9]") {
    const module_table modules = cast();
    const std::uint32_t guest_node = GENERATE(1u, 2u);
    const bool copied = GENERATE(false, true);
    seen = {};
    nodes net{modules, copied};
    kernel& root = net.add();
    net.add();
    REQUIRE(net.boot(root, host_for("pass nothing", 1, guest_node)));
    net.advance(100ms);
    REQUIRE(seen.lines == std::vector<std::string>{"nothing"});
}

TEST_CASE("creation is refused with a reason", "[kernel][K7][K3][inc_moduleId][inc_create]") {
    const module_table modules = cast();
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    creation what;
    what.module = "nobody";
    REQUIRE(net.boot(root, what).error() == errc::no_such_module);
    what = host_for("greet", 1, 1);
    what.parameters["colour"] = "red";
    REQUIRE(net.boot(root, what).error() == errc::invalid_argument);
    what = host_for("greet", 1, 1);
    what.parameters["count"] = "many";
    REQUIRE(net.boot(root, what).error().describe().find("count") != std::string::npos);
    what = host_for("greet", 1, 1);
    what.interfaces["window"] = {};
    REQUIRE(net.boot(root, what).error() == errc::no_such_interface);
    REQUIRE(incarnations_on(root) == 0);
    REQUIRE(net.boot(root, host_for("greet", 1, 7))); // node 7 does not exist
    net.advance(100ms);
    REQUIRE(seen.lines.size() == 1);
    REQUIRE(seen.lines[0].find("no such node") != std::string::npos);
}

TEST_CASE("a stream breaks, and says so, when its receiver's node is written off",
          "[kernel][K30]") {
    const module_table modules = cast();
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    kernel& second = net.add();
    kernel& third = net.add();
    creation what = host_for("wait", 1, third.self().node.value);
    REQUIRE(net.boot(second, what));
    net.advance(100ms);
    REQUIRE(seen.answer.has_value());
    REQUIRE_FALSE(seen.sent.has_value());
    net.isolate(second);
    net.advance(15s);
    REQUIRE(seen.sent.has_value());
    REQUIRE(seen.sent->error() == errc::broken);
    REQUIRE(root.status().members.size() == 2);
    // The isolated one has stopped itself before anybody took its place.
    REQUIRE(net.stop_reason(second).find("lease") != std::string::npos);
}

TEST_CASE("an evicted life that returns is refused and stops itself", "[kernel][membership]") {
    const module_table modules = cast();
    seen = {};
    nodes net{modules};
    kernel& root = net.add();
    kernel& second = net.add();
    net.isolate(second);
    root.evict(second.self());
    net.advance(1s);
    REQUIRE(root.status().members.size() == 1);
    REQUIRE(net.stop_reason(second) == "running"); // it has not heard
    net.reconnect(second);
    net.cut(root, second);
    net.advance(3s);
    REQUIRE(net.stop_reason(second).find("evicted") != std::string::npos);
}

TEST_CASE("a node leaves and the others learn of it", "[kernel][membership]") {
    const module_table modules = cast();
    nodes net{modules};
    kernel& root = net.add();
    kernel& second = net.add();
    kernel& third = net.add();
    REQUIRE(third.status().members.size() == 3);
    second.leave(error{errc::ok});
    net.advance(1s);
    REQUIRE(net.stop_reason(second) == "ok");
    REQUIRE(third.status().members.size() == 2);
    root.leave(error{errc::ok});
    net.advance(10s);
    REQUIRE(third.stopped());
    REQUIRE(net.stop_reason(root) == "ok");
}

TEST_CASE("simultaneous dials end in one link", "[kernel][membership]") {
    const module_table modules = cast();
    seen = {};
    nodes net{modules};
    net.add();
    kernel& second = net.add();
    kernel& third = net.add();
    REQUIRE(net.link_count() == 2);
    REQUIRE(net.boot(second, host_for("greet", 1, third.self().node.value, 3)));
    REQUIRE(net.boot(third, host_for("greet", 1, second.self().node.value, 3)));
    net.advance(1s);
    REQUIRE(net.link_count() == 3);
    REQUIRE(seen.answer.has_value());
}

TEST_CASE("whoever dialled greets again when nothing of it has been heard",
          "[kernel][membership]") {
    const module_table modules = cast();
    seen = {};
    nodes net{modules};
    net.add();
    kernel& second = net.add();
    kernel& third = net.add();
    REQUIRE(net.boot(second, host_for("greet", 1, third.self().node.value)));
    net.advance(1s);
    // The second node dials again and has nothing to say but its greeting, which is lost.
    bool lost = true;
    net.loses = [&](const kernel& from, const kernel&) { return lost && &from == &second; };
    net.cut(second, third);
    net.advance(40ms);
    REQUIRE(net.link_count() == 3);
    lost = false;
    seen.answer.reset();
    REQUIRE(net.boot(third, host_for("greet", 1, second.self().node.value)));
    net.advance(500ms);
    REQUIRE(seen.answer.has_value());
    REQUIRE(net.link_count() == 3);
}

TEST_CASE("the same inputs give the same trace", "[kernel][rule-24]") {
    const module_table modules = cast();
    std::uint64_t hashes[2];
    for (std::uint64_t& hash : hashes) {
        seen = {};
        nodes net{modules};
        kernel& root = net.add();
        net.add();
        REQUIRE(net.boot(root, host_for("stream", 300, 2, 3)));
        net.advance(1s);
        REQUIRE(seen.notes.size() == 900);
        hash = root.trace_hash();
    }
    REQUIRE(hashes[0] == hashes[1]);
}
