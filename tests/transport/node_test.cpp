#include <equus/equus.hpp>
#include <equus/host/asio.hpp>
#include <equus/status.hpp>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace equus;
using namespace equus::literals;

namespace {

/// Far beyond what any of these tests needs; reached only by one that hangs.
constexpr auto patience = std::chrono::seconds{30};

// ---------------------------------------------------------------- a small cast

struct sum {
    std::uint64_t total = 0;
    EQUUS_FIELDS(total)
};
struct add {
    using reply = sum;
    std::uint64_t amount = 0;
    EQUUS_FIELDS(amount)
};
struct item {
    std::uint32_t number = 0;
    bytes load;
    EQUUS_FIELDS(number, load)
};
using counting = protocol<"test.counting", add, item>;

struct diary {
    std::vector<std::uint32_t> numbers;
    std::size_t load_bytes = 0;
    std::optional<result<sum>> answer;
    std::vector<std::string> lines;
    bool done = false;
};
diary seen;

class sender : public incarnation<sender> {
public:
    struct parameters {
        std::uint32_t count = 0;
        std::uint32_t load_bytes = 0;
        EQUUS_FIELDS(count, load_bytes)
    };
    parameters parameters_;
    stream<counting> out{*this, "out"};

    task<> main() {
        for (std::uint32_t i = 1; i <= parameters_.count; ++i) {
            bytes load(parameters_.load_bytes);
            co_await ok(co_await out.send<item>(i, std::move(load)));
        }
        seen.answer = co_await out.invoke<add>(std::uint64_t{1});
        seen.done = true;
    }
};

/// Makes a sender on another node, with a stream to itself.
class receiver : public incarnation<receiver> {
public:
    struct parameters {
        std::uint32_t node = 2;
        std::uint32_t count = 0;
        std::uint32_t load_bytes = 0;
        EQUUS_FIELDS(node, count, load_bytes)
    };
    struct state {
        std::uint64_t total = 41;
        EQUUS_FIELDS(total)
    };
    parameters parameters_;
    state state_;
    port<counting> in{*this, "in"};

    task<> start() {
        creation what;
        what.module = "sender";
        what.name = "sender";
        what.parameters["count"] = parameters_.count;
        what.parameters["load_bytes"] = parameters_.load_bytes;
        what.given["out"] = any_reference{in.open_stream()};
        auto made = co_await create(what, node_id{parameters_.node});
        if (!made)
            seen.lines.push_back(made.error().describe());
    }
    sum on(add a) { return {state_.total += a.amount}; }
    void on(item i) {
        seen.numbers.push_back(i.number);
        seen.load_bytes += i.load.size();
    }
};

/// Asks for effects, one after the other or all at once.
class asker : public incarnation<asker> {
public:
    struct parameters {
        std::string effect;
        std::uint32_t count = 1;
        EQUUS_FIELDS(effect, count)
    };
    parameters parameters_;

    task<> main() {
        for (std::uint32_t i = 0; i < parameters_.count; ++i) {
            add request{i};
            auto outcome = co_await effect(parameters_.effect, request);
            seen.lines.push_back(outcome ? std::to_string(outcome->total)
                                         : outcome.error().describe());
        }
        seen.done = true;
    }
};

module_table cast() {
    module_table modules;
    modules.add<sender>("sender");
    modules.add<receiver>("receiver");
    modules.add<asker>("asker",
                       {"test.double", "test.throws", "test.nobody", "test.hold", "test.next"});
    return modules;
}

// ---------------------------------------------------------------- fixtures

node_options options_for(std::string name, unsigned char secret = 1) {
    node_options options;
    options.kernel.name = std::move(name);
    options.secret.value.fill(static_cast<std::byte>(secret));
    return options;
}

node_options joining(std::string name, std::string_view root_address, unsigned char secret = 1) {
    node_options options = options_for(std::move(name), secret);
    options.kernel.root = false;
    options.kernel.root_address = root_address;
    return options;
}

template <class Condition>
void run_until(asio::io_context& context, Condition&& condition) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        context.restart();
        REQUIRE(context.run_one_until(limit) == 1);
    }
}

void boot(node& on, const creation& what) {
    on.post([request = encoded(what).value()](kernel& core) {
        const auto booted = core.boot(request);
        if (!booted)
            seen.lines.push_back(booted.error().describe());
    });
}

creation receiver_for(std::uint32_t node, std::uint32_t count, std::uint32_t load_bytes = 0) {
    creation what;
    what.module = "receiver";
    what.name = "receiver";
    what.parameters["node"] = node;
    what.parameters["count"] = count;
    what.parameters["load_bytes"] = load_bytes;
    return what;
}

creation asker_for(std::string effect, std::uint32_t count) {
    creation what;
    what.module = "asker";
    what.name = "asker";
    what.parameters["effect"] = std::move(effect);
    what.parameters["count"] = count;
    return what;
}

bool all_in_order(std::uint32_t count) {
    if (seen.numbers.size() != count)
        return false;
    for (std::uint32_t i = 0; i < count; ++i)
        if (seen.numbers[i] != i + 1)
            return false;
    return true;
}

/// Forwards connections to `to`, until it cuts them.
class proxy {
public:
    explicit proxy(asio::io_context& context)
        : context_{context}, acceptor_{context, {asio::ip::address_v4::loopback(), 0}} {
        accept();
    }
    void forward_to(std::string_view address) {
        const std::string port{address.substr(address.rfind(':') + 1)};
        to_ = {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(port))};
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    void cut() {
        for (const auto& each : pairs_)
            each->close();
        pairs_.clear();
    }
    std::size_t connections = 0;
    std::size_t forwarded_bytes = 0;

private:
    using socket = asio::ip::tcp::socket;
    struct pair {
        explicit pair(asio::io_context& context) : a{context}, b{context} {}
        void close() {
            asio::error_code ignored;
            a.close(ignored);
            b.close(ignored);
        }
        socket a, b;
        std::vector<std::byte> from_a = std::vector<std::byte>(5'000);
        std::vector<std::byte> from_b = std::vector<std::byte>(5'000);
    };
    void accept() {
        auto made = std::make_shared<pair>(context_);
        acceptor_.async_accept(made->a, [this, made](const asio::error_code& problem) {
            if (problem)
                return;
            asio::error_code failed;
            made->b.connect(to_, failed);
            if (!failed) {
                ++connections;
                pairs_.push_back(made);
                forward(made, made->a, made->b, made->from_a);
                forward(made, made->b, made->a, made->from_b);
            }
            accept();
        });
    }
    void forward(std::shared_ptr<pair> which, socket& from, socket& to,
                 std::vector<std::byte>& buffer) {
        from.async_read_some(
            asio::buffer(buffer),
            [this, which, &from, &to, &buffer](const asio::error_code& problem, std::size_t got) {
                if (problem)
                    return which->close();
                forwarded_bytes += got;
                asio::async_write(to, asio::buffer(buffer.data(), got),
                                  [this, which, &from, &to, &buffer](const asio::error_code& failed,
                                                                     std::size_t) {
                                      if (failed)
                                          return which->close();
                                      forward(which, from, to, buffer);
                                  });
            });
    }
    asio::io_context& context_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint to_;
    std::vector<std::shared_ptr<pair>> pairs_;
};

} // namespace

TEST_CASE("two nodes join over TCP and incarnations on them talk", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    node root{context, options_for("root"), modules};
    REQUIRE(root.start());
    node second{context, joining("second", root.address()), modules};
    REQUIRE(second.start());
    run_until(context, [&] { return second.kernel().joined(); });
    REQUIRE(root.address() != second.address());
    REQUIRE(second.kernel().self().node == node_id{2});

    boot(root, receiver_for(2, 1'000));
    run_until(context, [&] { return seen.done; });
    REQUIRE(all_in_order(1'000));
    REQUIRE(seen.answer->value().total == 42);
    REQUIRE(seen.lines.empty());
    REQUIRE(root.kernel().check_invariants() == "");
    REQUIRE(second.kernel().check_invariants() == "");
}

TEST_CASE("messages bigger than a packet cross TCP whole", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    node root{context, options_for("root"), modules};
    REQUIRE(root.start());
    node second{context, joining("second", root.address()), modules};
    REQUIRE(second.start());
    run_until(context, [&] { return second.kernel().joined(); });
    boot(root, receiver_for(2, 20, 1u << 20));
    run_until(context, [&] { return seen.done; });
    REQUIRE(all_in_order(20));
    REQUIRE(seen.load_bytes == 20u << 20);
}

TEST_CASE("messages arrive in order, once, through connections that are cut", "[node][K61]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    proxy between{context};
    auto root_options = options_for("root");
    // Nobody is told a way past the proxy.
    root_options.kernel.address = between.address();
    node root{context, std::move(root_options), modules};
    REQUIRE(root.start());
    between.forward_to(root.address());
    auto options = joining("second", between.address());
    options.listen.clear();
    node second{context, std::move(options), modules};
    REQUIRE(second.start());
    run_until(context, [&] { return second.kernel().joined(); });
    boot(root, receiver_for(2, 3'000, 2'000));
    for (std::size_t cuts = 1; cuts <= 5; ++cuts) {
        const std::size_t mark = between.forwarded_bytes + 300'000;
        run_until(context, [&] { return between.forwarded_bytes >= mark || seen.done; });
        between.cut();
    }
    run_until(context, [&] { return seen.done; });
    REQUIRE(all_in_order(3'000));
    REQUIRE(seen.answer->value().total == 42);
    REQUIRE(between.connections >= 6);
}

TEST_CASE("a node without the run's secret does not join", "[node]") {
    const module_table modules = cast();
    asio::io_context context{1};
    node root{context, options_for("root", 1), modules};
    REQUIRE(root.start());
    node stranger{context, joining("stranger", root.address(), 2), modules};
    REQUIRE(stranger.start());
    run_until(context, [&] { return root.traffic().refused >= 3; });
    REQUIRE(!stranger.kernel().joined());
    REQUIRE(root.traffic().links == 0);
    REQUIRE(root.kernel().counters().packets_received == 0);
}

TEST_CASE("a node that cannot start says why", "[node]") {
    const module_table modules = cast();
    asio::io_context context{1};
    node root{context, options_for("root"), modules};
    REQUIRE(root.start());

    auto taken = options_for("other");
    taken.listen = root.address();
    node other{context, std::move(taken), modules};
    const auto refused = other.start();
    REQUIRE(refused.error() == errc::io_failed);
    REQUIRE(refused.error().describe().find(root.address()) != std::string::npos);

    auto routable = options_for("other");
    routable.listen = "0.0.0.0:0";
    REQUIRE(node{context, std::move(routable), modules}.start().error() == errc::unsupported);

    auto open = options_for("other", 0);
    REQUIRE(node{context, std::move(open), modules}.start().error() == errc::invalid_argument);
}

TEST_CASE("effects are done by the pool, and their replies and errors reach the asker", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    auto options = options_for("root");
    options.effects.add<add>("test.double",
                             [](add request) -> result<sum> { return sum{2 * request.amount}; });
    options.effects.add("test.throws",
                        [](bytes) -> result<bytes> { throw std::runtime_error{"no ink"}; });
    node root{context, std::move(options), modules};
    REQUIRE(root.start());
    for (const char* name : {"test.double", "test.throws", "test.nobody"}) {
        seen = {};
        boot(root, asker_for(name, 3));
        run_until(context, [&] { return seen.done; });
        REQUIRE(seen.lines.size() == 3);
        const std::string wanted = name == std::string{"test.double"}   ? "4"
                                   : name == std::string{"test.throws"} ? "no ink"
                                                                        : "not found";
        REQUIRE(seen.lines[2].find(wanted) != std::string::npos);
    }
}

TEST_CASE("an effect that blocks delays neither the node nor other effects", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    auto options = options_for("root");
    options.effects.add<add>("test.hold", [opened](add) -> result<sum> {
        opened.wait();
        return sum{7};
    });
    options.effects.add<add>("test.double", [](add a) -> result<sum> { return sum{2 * a.amount}; });
    node root{context, std::move(options), modules};
    REQUIRE(root.start());
    boot(root, asker_for("test.hold", 1));
    boot(root, asker_for("test.double", 100));
    run_until(context, [&] { return seen.done; });
    REQUIRE(seen.lines.size() == 100);
    gate.set_value();
    run_until(context, [&] { return seen.lines.size() == 101; });
    REQUIRE(seen.lines.back() == "7");
}

TEST_CASE("an effect that waits is answered through its completion, from any thread", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    std::vector<std::thread> threads;
    auto options = options_for("root");
    options.effects.add_waiting("test.next", [&](bytes, effect_completion done) {
        threads.emplace_back([done] { done(encoded(sum{5})); });
    });
    node root{context, std::move(options), modules};
    REQUIRE(root.start());
    boot(root, asker_for("test.next", 4));
    run_until(context, [&] { return seen.done; });
    for (std::thread& thread : threads)
        thread.join();
    REQUIRE(seen.lines == std::vector<std::string>(4, "5"));
}

TEST_CASE("effects over the queue's limit are refused at once", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    auto options = options_for("root");
    options.effect_threads = 1;
    options.effect_queue_max = 2;
    options.effects.add<add>("test.hold", [opened](add) -> result<sum> {
        opened.wait();
        return sum{7};
    });
    node root{context, std::move(options), modules};
    REQUIRE(root.start());
    for (int i = 0; i < 6; ++i)
        boot(root, asker_for("test.hold", 1));
    // One may be running and two queued; the others hear at once.
    run_until(context, [&] { return seen.lines.size() >= 3; });
    for (const std::string& line : seen.lines)
        REQUIRE(line.find("limit") != std::string::npos);
    gate.set_value();
    run_until(context, [&] { return seen.lines.size() == 6; });
}

TEST_CASE("a node that leaves says so and its loop comes to an end", "[node]") {
    seen = {};
    const module_table modules = cast();
    asio::io_context context{1};
    std::vector<std::string> ends;
    auto root_options = options_for("root");
    root_options.on_stopped = [&](const error& why) { ends.push_back("root " + why.describe()); };
    node root{context, std::move(root_options), modules};
    REQUIRE(root.start());
    auto options = joining("second", root.address());
    options.on_stopped = [&](const error& why) {
        REQUIRE(why == errc::ok);
        ends.push_back("second");
    };
    auto second = std::make_unique<node>(context, std::move(options), modules);
    REQUIRE(second->start());
    run_until(context, [&] { return second->kernel().joined(); });
    second->leave();
    run_until(context, [&] { return second->stopped() && !ends.empty(); });
    REQUIRE(ends == std::vector<std::string>{"second"});
    run_until(context, [&] { return root.kernel().status().members.size() == 1; });
    root.leave(error{errc::cancelled, "enough"});
    context.restart();
    context.run_for(patience);
    REQUIRE(context.stopped());
    REQUIRE(root.stopped());
    REQUIRE(ends.size() == 2);
    REQUIRE(ends[1].find("enough") != std::string::npos);
    root.post([](kernel&) { FAIL("a stopped node runs what is posted"); });
    context.restart();
    context.poll();
}

TEST_CASE("a node may be destroyed at any time, also by its own callback", "[node]") {
    const module_table modules = cast();
    for (int steps : {0, 1, 2, 5, 10, 20, 40}) {
        seen = {};
        asio::io_context context{1};
        node root{context, options_for("root"), modules};
        REQUIRE(root.start());
        auto second = std::make_unique<node>(context, joining("second", root.address()), modules);
        REQUIRE(second->start());
        boot(root, receiver_for(2, 100));
        for (int i = 0; i < steps; ++i)
            context.run_one_for(std::chrono::milliseconds{1});
        second.reset();
        context.run_for(std::chrono::milliseconds{2});
    }
    asio::io_context context{1};
    std::unique_ptr<node> own;
    auto options = options_for("root");
    options.on_stopped = [&](const error&) { own.reset(); };
    own = std::make_unique<node>(context, std::move(options), modules);
    REQUIRE(own->start());
    own->leave();
    run_until(context, [&] { return own == nullptr; });
}

TEST_CASE("nodes on threads of their own are driven from other threads by post", "[node]") {
    seen = {};
    const module_table modules = cast();
    node root{options_for("root"), modules};
    REQUIRE(root.start());
    node second{joining("second", root.address()), modules};
    REQUIRE(second.start());
    std::thread root_thread{[&] { root.run(); }};
    std::thread second_thread{[&] { second.run(); }};
    const auto ask = [](node& whom, auto question) {
        std::promise<decltype(question(std::declval<kernel&>()))> answer;
        whom.post([&](kernel& core) { answer.set_value(question(core)); });
        return answer.get_future().get();
    };
    const auto limit = std::chrono::steady_clock::now() + patience;
    const auto joined = [](kernel& core) { return core.joined(); };
    while (!ask(second, joined) && std::chrono::steady_clock::now() < limit)
        std::this_thread::yield();
    CHECK(ask(second, joined));
    const auto members = [](kernel& core) { return core.status().members.size(); };
    CHECK(ask(root, members) == 2);
    second.leave();
    second_thread.join();
    root.leave();
    root_thread.join();
    CHECK(root.stopped());
    CHECK(second.stopped());
}
