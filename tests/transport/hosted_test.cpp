// A node in a program of its own: start(rdc), open, and the calls of code that is no incarnation.
#include <equus/equus.hpp>
#include <equus/host/asio.hpp>
#include <equus/rdc_builder.hpp>
#include <equus/services/standard.hpp>
#include <equus/status.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace equus;
using namespace equus::literals;

namespace {

/// Far beyond what any of these tests needs; reached only by one that hangs.
constexpr auto patience = std::chrono::seconds{30};

struct total {
    std::int64_t value = 0;
    EQUUS_FIELDS(value)
};
struct add {
    using reply = total;
    std::int64_t amount = 0;
    EQUUS_FIELDS(amount)
};
struct note {
    std::int64_t amount = 0;
    EQUUS_FIELDS(amount)
};
struct finish {
    std::int32_t result = 0;
    EQUUS_FIELDS(result)
};
using counting = protocol<"test.counting", add, note, finish>;
struct unheard {
    using reply = total;
    bool truly = true;
    EQUUS_FIELDS(truly)
};
using silence = protocol<"test.silence", unheard>;

std::vector<std::int64_t> noted;

class counter : public incarnation<counter> {
public:
    struct parameters {
        std::int64_t limit = 1'000'000;
        EQUUS_FIELDS(limit)
    };
    parameters parameters_;
    port<counting> in{*this, "in"};
    std::int64_t sum = 0;
    result<total> on(add a) {
        if (sum + a.amount > parameters_.limit)
            return fail(errc::refused, "the limit");
        return total{sum += a.amount};
    }
    void on(note n) {
        noted.push_back(n.amount);
        sum += n.amount;
    }
    void on(finish f) { end_self(f.result); }
};

/// Takes nothing from its port.
class deaf : public incarnation<deaf> {
public:
    port<silence> in{*this, "in"};
    task<> main() { co_await sleep(1h); }
};

module_table cast() {
    module_table modules;
    add_standard_modules(modules);
    modules.add<counter>("test.counter").add<deaf>("test.deaf");
    return modules;
}

rdc counting_rdc() {
    return rdc_builder{"counting", 1}
        .channel("sums", "test.counting")
        .channel("nowhere", "test.silence")
        .add(incarnation_builder{"counter", "test.counter"}.primary().port("in", {"sums"}))
        .add(incarnation_builder{"deaf", "test.deaf"}.port("in", {"nowhere"}))
        .offer("sums", "sums")
        .offer("sums/read", "sums", {"test.add"})
        .offer("nowhere", "nowhere")
        .build();
}

/// A program with a loop and a node that does `what`.
struct host_program {
    explicit host_program(rdc what, rdc_options how = {}) {
        noted.clear();
        options.listen.clear();
        options.on_stopped = [this](const error& why) { stopped = why; };
        inside.emplace(context, options, modules);
        how.on_progress = [this](const launching::progress& told) { reports.push_back(told); };
        const auto up = inside->start(std::move(what), how);
        REQUIRE(up);
    }
    template <class Done>
    void run_until(Done&& done) {
        asio::steady_timer late{context, patience};
        // The timer is called off when this returns, and its handler runs after that.
        const auto over = std::make_shared<bool>(false);
        late.async_wait([over](const asio::error_code& off) { *over = !off; });
        while (!done() && !*over)
            context.run_one();
        REQUIRE_FALSE(*over);
    }
    /// The outcome of one invocation.
    template <class M, class P, class... A>
    result<typename M::reply> ask(const session<P>& by, duration within, A... fields) {
        std::optional<result<typename M::reply>> got;
        by.template invoke<M>(fields...).within(within).then(
            [&](result<typename M::reply> answer) { got = std::move(answer); });
        run_until([&] { return got.has_value(); });
        return std::move(*got);
    }
    const launching::progress* end() const {
        for (const launching::progress& each : reports)
            if (each.kind == launching::progress_kind::finished)
                return &each;
        return nullptr;
    }

    asio::io_context context{1};
    module_table modules = cast();
    node_options options;
    std::vector<launching::progress> reports;
    std::optional<error> stopped;
    std::optional<node> inside;
};

} // namespace

TEST_CASE("host code's messages are done in their order, each once", "[node]") {
    host_program host{counting_rdc()};
    auto sums = host.inside->open<counting>("sums");
    int sent = 0;
    std::vector<std::int64_t> totals;
    // The computation is not even established yet.
    for (std::int64_t i = 1; i <= 300; ++i) {
        sums.send<note>(i).then([&](const result<void>& done) { sent += done ? 1 : 0; });
        sums.invoke<add>(0).then([&](const result<total>& got) { totals.push_back(got->value); });
    }
    host.run_until([&] { return totals.size() == 300; });
    CHECK(sent == 300);
    REQUIRE(noted.size() == 300);
    for (std::int64_t i = 1; i <= 300; ++i) {
        CHECK(noted[static_cast<std::size_t>(i - 1)] == i);
        CHECK(totals[static_cast<std::size_t>(i - 1)] == i * (i + 1) / 2);
    }
}

TEST_CASE("a computation's end is reported, and its node leaves", "[node][K54]") {
    host_program host{counting_rdc()};
    host.inside->open<counting>("sums").send<finish>(7).then(asio::detached);
    host.run_until([&] { return host.stopped.has_value(); });
    CHECK(*host.stopped == errc::ok);
    REQUIRE(host.end());
    CHECK(host.end()->how == launching::ending::completed);
    CHECK(host.end()->result == 7);
    // Whoever comes now hears so.
    auto late = host.ask<add>(host.inside->open<counting>("sums"), 10s, 1);
    REQUIRE_FALSE(late);
    CHECK(late.error() == errc::closed);
}

TEST_CASE("a handler's refusal and a deadline reach host code by their names", "[node]") {
    host_program host{counting_rdc()};
    auto sums = host.inside->open<counting>("sums");
    auto refused = host.ask<add>(sums, 10s, 2'000'000);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == errc::handler_failed);
    CHECK(refused.error().describe().find("the limit") != std::string::npos);
    auto late = host.ask<unheard>(host.inside->open<silence>("nowhere"), 50ms);
    REQUIRE_FALSE(late);
    CHECK(late.error() == errc::maybe_delivered);
    CHECK(host.ask<add>(sums, 10s, 5)->value == 5);
}

TEST_CASE("what is not exported, or not so, is refused by name", "[node]") {
    host_program host{counting_rdc()};
    auto none = host.ask<add>(host.inside->open<counting>("sum"), 10s, 1);
    REQUIRE_FALSE(none);
    CHECK(none.error() == errc::not_found);
    CHECK(none.error().describe().find("it exports 'nowhere', 'sums'") != std::string::npos);
    auto wrong = host.ask<unheard>(host.inside->open<silence>("sums"), 10s);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error() == errc::wrong_protocol);

    auto narrow = host.inside->open<counting>("sums/read");
    CHECK(host.ask<add>(narrow, 10s, 3)->value == 3);
    std::optional<result<void>> noted_it;
    narrow.send<note>(1).then([&](result<void> done) { noted_it = std::move(done); });
    host.run_until([&] { return noted_it.has_value(); });
    REQUIRE_FALSE(*noted_it);
    CHECK(noted_it->error() == errc::access_denied);
    CHECK(noted.empty());
}

TEST_CASE("more calls than a session may have are refused, and the others are answered", "[node]") {
    host_program host{counting_rdc()};
    auto sums = host.inside->open<counting>("sums");
    std::size_t done = 0;
    std::size_t refused = 0;
    for (int i = 0; i < 1'030; ++i)
        sums.invoke<add>(1).then([&](const result<total>& got) {
            ++(got ? done : refused);
            if (!got)
                CHECK(got.error() == errc::limit_reached);
        });
    host.run_until([&] { return done + refused == 1'030; });
    CHECK(done == 1'024);
    CHECK(host.ask<add>(sums, 10s, 0)->value == 1'024);
}

TEST_CASE("a call before there is a computation ends at its deadline", "[node]") {
    rdc_options how;
    how.nodes_wanted = 2; // nobody else comes
    host_program host{counting_rdc(), how};
    auto late = host.ask<add>(host.inside->open<counting>("sums"), 50ms, 1);
    REQUIRE_FALSE(late);
    CHECK(late.error() == errc::timed_out);
}

TEST_CASE("calls of a node that leaves are ended, and it leaves nothing behind", "[node]") {
    host_program host{counting_rdc()};
    auto nowhere = host.inside->open<silence>("nowhere");
    std::optional<result<total>> got;
    nowhere.invoke<unheard>().within(for_ever).then(
        [&](result<total> answer) { got = std::move(answer); });
    host.run_until([&] { return host.inside->kernel().status().incarnations.size() > 6; });
    host.inside->leave();
    host.run_until([&] { return got && host.stopped; });
    CHECK_FALSE(*got);
    host.inside.reset();
    CHECK(host.context.run() < 10'000); // nothing keeps the loop
}

TEST_CASE("a session that is let go ends its gateway when all is answered", "[node]") {
    host_program host{counting_rdc()};
    const auto gateways = [&] {
        std::size_t count = 0;
        for (const incarnation_status& each : host.inside->kernel().status().incarnations)
            count += each.module == "equus.gateway" ? 1 : 0;
        return count;
    };
    std::optional<result<total>> got;
    {
        auto sums = host.inside->open<counting>("sums");
        host.run_until([&] { return gateways() == 1; });
        sums.invoke<add>(4).then([&](result<total> answer) { got = std::move(answer); });
    }
    host.run_until([&] { return got.has_value() && gateways() == 0; });
    CHECK((*got)->value == 4);
}

TEST_CASE("other threads call by post, and a coroutine of Asio's awaits a call", "[node]") {
    host_program host{counting_rdc()};
    std::optional<session<counting>> sums{host.inside->open<counting>("sums")};
    std::int64_t from_thread = 0;
    std::thread other{[&] {
        host.inside->post([&](kernel&) {
            sums->invoke<add>(20).then(
                [&](const result<total>& got) { from_thread = got ? got->value : -1; });
        });
    }};
    other.join();
    host.run_until([&] { return from_thread != 0; });
    CHECK(from_thread == 20);

    std::int64_t from_coroutine = 0;
    const auto asks = [](session<counting> by, std::int64_t* into) -> asio::awaitable<void> {
        auto got = co_await by.invoke<add>(22).within(10s).then(asio::use_awaitable);
        *into = got ? got->value : -1;
    };
    asio::co_spawn(host.context, asks(*sums, &from_coroutine), asio::detached);
    host.run_until([&] { return from_coroutine != 0; });
    CHECK(from_coroutine == 42);

    auto future = sums->invoke<add>(8).then(asio::use_future);
    host.run_until(
        [&] { return future.wait_for(std::chrono::seconds{0}) == std::future_status::ready; });
    CHECK(future.get()->value == 50);
}

TEST_CASE("a node that cannot do a computation says why", "[node]") {
    asio::io_context context{1};
    module_table bare;
    node_options options;
    options.listen.clear();
    node without{context, options, bare};
    auto refused = without.start(counting_rdc());
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == errc::invalid_argument);
    CHECK(refused.error().describe().find("add_standard_modules") != std::string::npos);

    module_table modules = cast();
    options.kernel.root = false;
    options.kernel.root_address = "127.0.0.1:1";
    node joins{context, options, modules};
    refused = joins.start(counting_rdc());
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == errc::invalid_argument);
}

TEST_CASE("a computation whose module is missing ends as not established", "[node]") {
    rdc broken = counting_rdc();
    broken.incarnations.begin()->second.module = "test.unknown";
    host_program host{broken};
    host.run_until([&] { return host.stopped.has_value(); });
    REQUIRE(host.end());
    CHECK(host.end()->how == launching::ending::not_established);
    CHECK(host.end()->text.find("test.unknown") != std::string::npos);
}
