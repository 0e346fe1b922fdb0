#include "bench/cast.hpp"

#include "bench/measure.hpp"

#include <equus/services/standard.hpp>

#include <algorithm>

namespace equus::bench {

progress seen;

namespace {

/// Whatever ends the task ends the measurement.
task<> report(task<> work) {
    auto ended = co_await as_result(std::move(work));
    seen.problem = ended ? "an incarnation has come to its end" : ended.error().describe();
}

class sink : public incarnation<sink> {
public:
    port<ticking> in{*this, "in"};
    void on(const tick& one) { seen.received += 1 + (one.a & 0); }
};

/// Tells for ever; its credit is what stops it.
class source : public incarnation<source> {
public:
    stream<ticking> out{*this, "out"};
    task<> main() { return report(work()); }
    task<> work() {
        for (std::uint64_t i = 0;; ++i)
            co_await ok(co_await out.send<tick>(i, i, i, i));
    }
};

class server : public incarnation<server> {
public:
    port<asking> in{*this, "in"};
    port<ticking> ticks{*this, "ticks"};
    port<loading> loads{*this, "loads"};
    stream<finding> found{*this, "found"};
    task<answer> on(load l) {
        const buffer taken = co_await ok(co_await l.body.fetch());
        co_return answer{l.a, taken.size(), 0, 0};
    }
    answer on(const question& q) { return {q.a, q.b, q.c, q.d}; }
    void on(const tick&) { ++seen.received; }
    task<> start() {
        if (found.is_open())
            co_await ok(co_await found.send<here>(in.open_stream(), ticks.open_stream(),
                                                  loads.open_stream()));
    }
};

class client : public incarnation<client> {
public:
    stream<asking> out{*this, "out"};
    task<> main() { return report(work()); }
    task<> work() {
        for (std::uint64_t i = 0;; ++i) {
            const std::int64_t began = seen.keep_times ? now_ns() : 0;
            co_await ok(co_await out.invoke<question>(i, i, i, i));
            if (seen.keep_times)
                seen.times_us.push_back(static_cast<double>(now_ns() - began) / 1e3);
            ++seen.answered;
        }
    }
};

/// Invokes with bulk that stays in one buffer.
class loader : public incarnation<loader> {
public:
    struct parameters {
        std::uint64_t size = 0;
        EQUUS_FIELDS(size)
    };
    parameters parameters_;
    stream<loading> out{*this, "out"};
    task<> main() { return report(work()); }
    task<> work() {
        buffer mine = co_await ok(buffer::of(static_cast<std::size_t>(parameters_.size)));
        std::fill(mine.span().begin(), mine.span().end(), std::byte{1});
        for (std::uint64_t i = 0;; ++i) {
            const std::int64_t began = now_ns();
            auto got = co_await out.invoke<load>(i, bulk::of(mine));
            const answer came = co_await ok(std::move(got));
            if (came.b != parameters_.size)
                co_await ok(fail(errc::malformed, "bulk of another size"));
            if (seen.keep_times)
                seen.times_us.push_back(static_cast<double>(now_ns() - began) / 1e3);
            ++seen.answered;
        }
    }
};

/// Makes a server, and clients, loaders or sources of it.
class director : public incarnation<director> {
public:
    struct parameters {
        std::uint32_t server_node = 0; ///< 0: here
        std::uint32_t user_node = 0;
        std::uint32_t users = 1;
        bool tells = false;     ///< the users are sources, not clients
        std::uint64_t bulk = 0; ///< they are loaders of so many bytes
        EQUUS_FIELDS(server_node, user_node, users, tells, bulk)
    };
    parameters parameters_;
    port<finding> in{*this, "in"};

    task<> main() { return report(work()); }
    task<> work() {
        while (members().size() < std::max(parameters_.server_node, parameters_.user_node))
            co_await sleep(std::chrono::milliseconds{1});
        creation what;
        what.module = "bench.server";
        what.given["found"] = any_reference{in.open_stream()};
        auto made = co_await create(what, node_id{parameters_.server_node});
        co_await ok(std::move(made));
        auto message = co_await ok(co_await in.receive());
        auto where = message.take<here>();
        message.done();
        const here found = co_await ok(std::move(where));
        creation user;
        user.module = parameters_.tells ? "bench.source" : "bench.client";
        user.given["out"] =
            parameters_.tells ? any_reference{found.tell} : any_reference{found.ask};
        if (parameters_.bulk != 0) {
            user.module = "bench.loader";
            user.given["out"] = any_reference{found.load};
            user.parameters["size"] = static_cast<std::int64_t>(parameters_.bulk);
        }
        for (std::uint32_t i = 0; i < parameters_.users; ++i) {
            auto one = co_await create(user, node_id{parameters_.user_node});
            co_await ok(std::move(one));
        }
        co_await sleep(for_ever);
    }
};

/// The smallest incarnation that serves: a number and a port.
class idle : public incarnation<idle> {
public:
    struct state {
        std::uint64_t value = 0;
        EQUUS_FIELDS(value)
    };
    state state_;
    port<ticking> in{*this, "in"};
    void on(const tick& one) { state_.value += one.a; }
};

/// Makes idle incarnations, `count` of them or, ending each again, for ever.
class breeder : public incarnation<breeder> {
public:
    struct parameters {
        std::uint64_t count = 0; ///< 0: for ever, each is ended
        EQUUS_FIELDS(count)
    };
    parameters parameters_;

    task<> main() { return report(work()); }
    task<> work() {
        creation what;
        what.module = "bench.idle";
        for (std::uint64_t i = 0; parameters_.count == 0 || i < parameters_.count; ++i) {
            auto made = co_await create(what);
            const incarnation_handle child = co_await ok(std::move(made));
            if (parameters_.count == 0)
                co_await ok(co_await child.destroy());
            close(child);
            ++seen.created;
        }
        co_await sleep(for_ever);
    }

private:
    static void close(const incarnation_handle& handle) { detail::close(handle); }
};

} // namespace

module_table cast() {
    module_table modules;
    add_standard_modules(modules);
    modules.add<sink>("bench.sink");
    modules.add<source>("bench.source");
    modules.add<server>("bench.server");
    modules.add<client>("bench.client");
    modules.add<loader>("bench.loader");
    modules.add<director>("bench.director");
    modules.add<idle>("bench.idle");
    modules.add<breeder>("bench.breeder");
    return modules;
}

} // namespace equus::bench
