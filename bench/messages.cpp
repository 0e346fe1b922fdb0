// The kinds of messages beside each other on one node, for the ratios of the original (spec: R1 to
// R5), and a multicast to eight ports against eight sends.
#include "bench/lone_node.hpp"
#include "bench/measure.hpp"

#include <equus/services/standard.hpp>

#include <vector>

namespace equus::bench {

namespace {

constexpr double seconds = 0.4;
constexpr std::uint64_t batch = 20'000;
constexpr std::uint32_t receivers = 8;

struct mark {
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    EQUUS_FIELDS(a, b, c, d)
};
struct marked {
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    EQUUS_FIELDS(a, b, c, d)
};
struct query {
    using reply = marked;
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    EQUUS_FIELDS(a, b, c, d)
};
struct parcel_back {
    any_reference what;
    EQUUS_FIELDS(what)
};
struct parcel {
    using reply = parcel_back;
    any_reference what;
    EQUUS_FIELDS(what)
};
using marking = protocol<"bench.marking", mark, query, parcel>;

enum class kind : std::uint32_t {
    send,
    invoke,       ///< let go at receipt
    invoke_reply, ///< let go by the reply
    asinvoke,     ///< limit 1
    dgram,
    invoke_streams, ///< a stream goes there and another comes back
    multicast,      ///< one send to many ports
    many_sends,     ///< a send to each
};

class sender : public incarnation<sender> {
public:
    struct parameters {
        std::uint32_t what = 0;
        EQUUS_FIELDS(what)
    };
    parameters parameters_;
    port<marking> in{*this, "in"};
    stream<marking> out{*this, "out"};

    task<> main() {
        auto ended = co_await as_result(work());
        seen.problem = ended ? "an incarnation has come to its end" : ended.error().describe();
    }
    task<> work() {
        for (std::uint64_t i = 0;; ++i) {
            switch (static_cast<kind>(parameters_.what)) {
            case kind::invoke:
                co_await ok(co_await out.invoke<mark>(i, i, i, i));
                break;
            case kind::invoke_reply:
                co_await ok(co_await out.invoke<query>(i, i, i, i));
                break;
            case kind::asinvoke:
                out.buffer_limit(1);
                co_await ok(co_await out.asinvoke<mark>(i, i, i, i));
                break;
            case kind::dgram:
                static_cast<void>(out.dgram<mark>(i, i, i, i));
                if (i % 64 == 63)
                    co_await sleep(duration{0});
                break;
            case kind::invoke_streams: {
                const stream<marking> own = in.open_stream();
                const any_reference given{own};
                auto got = co_await ok(co_await out.invoke<parcel>(given));
                detail::close(got.what);
                own.close();
                break;
            }
            default:
                co_await ok(co_await out.send<mark>(i, i, i, i));
                break;
            }
            ++seen.answered;
        }
    }
};

class hub : public incarnation<hub> {
public:
    struct parameters {
        std::uint32_t what = 0;
        EQUUS_FIELDS(what)
    };
    parameters parameters_;
    task<> main() {
        auto ended = co_await as_result(work());
        seen.problem = ended ? "an incarnation has come to its end" : ended.error().describe();
    }
    task<> work() {
        const stream<marking> all = co_await ok(make_channel<marking>(channel_kind::multicast));
        std::vector<stream<marking>> each;
        for (std::uint32_t i = 0; i < receivers; ++i) {
            auto joined = co_await make_port<marking>(*this, all);
            const port<marking> one = co_await ok(std::move(joined));
            each.push_back(one.open_stream());
        }
        const bool many = static_cast<kind>(parameters_.what) == kind::many_sends;
        for (std::uint64_t i = 0;; ++i) {
            if (many)
                for (const stream<marking>& out : each)
                    co_await ok(co_await out.send<mark>(i, i, i, i));
            else
                co_await ok(co_await all.send<mark>(i, i, i, i));
            ++seen.answered;
        }
    }
    void on(const mark& one) { seen.received += 1 + (one.a & 0); }
    marked on(const query& q) { return {q.a, q.b, q.c, q.d}; }
    parcel_back on(parcel p) { return {p.what}; }
};

class opener : public incarnation<opener> {
public:
    struct parameters {
        std::uint32_t what = 0;
        EQUUS_FIELDS(what)
    };
    parameters parameters_;
    port<marking> in{*this, "in"};
    void on(const mark& one) { seen.received += 1 + (one.a & 0); }
    marked on(const query& q) { return {q.a, q.b, q.c, q.d}; }
    parcel_back on(parcel p) { return {p.what}; }
    task<> start() {
        creation what;
        what.module = "bench.sender";
        what.parameters["what"] = parameters_.what;
        what.given["out"] = any_reference{in.open_stream()};
        auto made = co_await create(what);
        co_await ok(std::move(made));
    }
};

sample measure(kind what) {
    pin_to_core(0);
    module_table modules;
    add_standard_modules(modules);
    modules.add<sender>("bench.sender");
    modules.add<opener>("bench.opener");
    modules.add<hub>("bench.hub");
    lone_node node{modules};
    const bool to_many = what == kind::multicast || what == kind::many_sends;
    creation first;
    first.module = to_many ? "bench.hub" : "bench.opener";
    first.parameters["what"] = static_cast<std::uint32_t>(what);
    node.boot(first);
    const bool one_way = what == kind::send || what == kind::dgram;
    const std::uint64_t& counted = one_way ? seen.received : seen.answered;
    return time_batches(
        to_many ? batch / receivers : batch, seconds,
        [&](std::uint64_t n) {
            const std::uint64_t target = counted + n;
            node.run_until([&] { return counted >= target; });
        },
        sizeof(mark));
}

} // namespace

void add_message_rows(row_list& rows) {
    rows.push_back({"equus", "model.send", "32 B", [] { return measure(kind::send); }});
    rows.push_back(
        {"equus", "model.invoke", "32 B, receipt", [] { return measure(kind::invoke); }});
    rows.push_back(
        {"equus", "model.invoke", "32 B, reply", [] { return measure(kind::invoke_reply); }});
    rows.push_back({"equus", "model.invoke", "a stream each way",
                    [] { return measure(kind::invoke_streams); }});
    rows.push_back(
        {"equus", "model.asinvoke", "32 B, limit 1", [] { return measure(kind::asinvoke); }});
    rows.push_back({"equus", "model.dgram", "32 B", [] { return measure(kind::dgram); }});
    rows.push_back({"limit", "model.multicast", "8 receivers, 32 B",
                    [] { return measure(kind::many_sends); }});
    rows.push_back(
        {"equus", "model.multicast", "8 receivers, 32 B", [] { return measure(kind::multicast); }});
}

} // namespace equus::bench
