// A keeper with a buffer and a door, and a visitor whose life a test writes as a coroutine
// function.
#pragma once

#include "nodes.hpp"

#include <equus/wiring.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace equus::test::bulky {

/// The n-th byte of everything here; sums say whether all are at their place.
inline std::byte filling(std::uint64_t n, std::uint64_t seed) {
    return static_cast<std::byte>((n * 31 + (n >> 8) * 7 + seed) & 0xff);
}
inline void fill(std::span<std::byte> out, std::uint64_t seed) {
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = filling(i, seed);
}
inline bool is_filled(std::span<const std::byte> what, std::uint64_t seed) {
    for (std::size_t i = 0; i < what.size(); ++i)
        if (what[i] != filling(i, seed))
            return false;
    return true;
}

struct shown {
    std::uint64_t size = 0;
    bool right = false; ///< filled with the seed
    std::string text;
    EQUUS_FIELDS(size, right, text)
};
struct parcel {
    using reply = shown;
    std::uint64_t seed = 0;
    std::string how; ///< what the keeper does: fetch, into, leave, late, twice
    bulk body;
    EQUUS_FIELDS(seed, how, body)
};
struct note { // one-way
    std::uint64_t seed = 0;
    bulk body;
    EQUUS_FIELDS(seed, body)
};
struct delivered {
    bulk body;
    EQUUS_FIELDS(body)
};
struct order {
    using reply = delivered;
    std::uint64_t size = 0;
    std::uint64_t seed = 0;
    EQUUS_FIELDS(size, seed)
};
struct asked {
    using reply = shown;
    std::string what; ///< "size", "notes", "close", "right": the keeper's buffer, its notes
    std::uint64_t seed = 0;
    EQUUS_FIELDS(what, seed)
};
using post = protocol<"test.post", parcel, note, order, asked>;

struct here {
    stream<post> door;
    buffer_handle area;
    EQUUS_FIELDS(door, area)
};
using announcing = protocol<"test.announcing", here>;

class keeper : public incarnation<keeper> {
public:
    struct parameters {
        std::uint64_t area = 0;
        std::int64_t nap_ms = 0;
        EQUUS_FIELDS(area, nap_ms)
    };
    parameters parameters_;
    port<post> in{*this, "in"};
    stream<announcing> home{*this, "home"};

    task<> start() {
        area_ = co_await ok(buffer::of(static_cast<std::size_t>(parameters_.area)));
        fill(area_.span(), 1);
        if (const any_reference many = born_with("many"))
            co_await ok(co_await join_channel(in, many));
        co_await ok(co_await home.send<here>(in.open_stream(), area_.handle()));
    }
    task<shown> on(parcel p) {
        shown answer;
        if (p.how == "leave")
            co_return answer;
        if (p.how == "late")
            co_await sleep(50ms);
        if (p.how == "into") {
            auto into = co_await ok(buffer::of(static_cast<std::size_t>(p.body.size()) + 11));
            auto got = co_await p.body.fetch_into(into, 11);
            answer.text = got ? "" : got.error().describe();
            answer.size = p.body.size();
            answer.right = got && is_filled(into.span().subspan(11), p.seed);
            auto no_room = co_await p.body.fetch_into(into, 12);
            answer.text += no_room ? "" : std::string{name_of(no_room.error().code())};
            co_return answer;
        }
        auto got = co_await p.body.fetch();
        if (!got) {
            answer.text = got.error().describe();
            co_return answer;
        }
        answer.size = got->size();
        answer.right = is_filled(got->span(), p.seed);
        auto again = co_await p.body.fetch();
        answer.text = again ? "" : std::string{name_of(again.error().code())};
        co_return answer;
    }
    task<> on(note n) {
        if (parameters_.nap_ms != 0)
            co_await sleep(std::chrono::milliseconds{parameters_.nap_ms});
        auto got = co_await n.body.fetch();
        notes_.size += got ? got->size() : 0;
        notes_.right =
            (notes_.text.empty() || notes_.right) && got && is_filled(got->span(), n.seed);
        notes_.text += got ? "." : std::string{name_of(got.error().code())};
    }
    // [order]
    task<delivered> on(order o) {
        auto made = co_await ok(buffer::of(static_cast<std::size_t>(o.size)));
        fill(made.span(), o.seed);
        delivered answer;
        answer.body = bulk{std::move(made)};
        co_return answer;
    }
    // [/order]
    shown on(asked a) {
        if (a.what == "notes")
            return notes_;
        if (a.what == "close")
            area_.close();
        return {area_.size(), is_filled(area_.span(), a.seed), {}};
    }

private:
    buffer area_;
    shown notes_;
};

class visitor;
using role = task<> (*)(visitor& me);
inline role played = nullptr;

class visitor : public incarnation<visitor> {
public:
    port<announcing> in{*this, "in"};
    task<> main() { co_await played(*this); }
    /// A keeper on that node, with a buffer of so many bytes; `more`: what else its creation says.
    task<here> meet(std::uint32_t node, std::uint64_t area, const creation* more = nullptr) {
        creation what;
        if (more)
            what = *more;
        what.module = "keeper";
        what.parameters["area"] = static_cast<std::int64_t>(area);
        what.given["home"] = any_reference{in.open_stream()};
        auto made = co_await ok(co_await create(what, node_id{node}));
        keepers_.push_back(made);
        auto came = co_await ok(co_await in.receive());
        co_return co_await ok(came.take<here>());
    }
    std::vector<incarnation_handle> keepers_;
};

/// Plays the role on the first of `count` nodes.
class scene : public nodes {
public:
    explicit scene(bool copy_local = false) : nodes{modules(), copy_local} {}
    void play(role which, std::uint32_t count, kernel_limits limits = {}) {
        played = which;
        for (std::uint32_t i = 0; i < count; ++i)
            add(limits);
        creation what;
        what.module = "visitor";
        REQUIRE(boot((*this)[0], what));
    }

private:
    static const module_table& modules() {
        static const module_table table = [] {
            module_table made;
            made.add<keeper>("keeper");
            made.add<visitor>("visitor");
            return made;
        }();
        return table;
    }
};

inline kernel_limits tiny() {
    kernel_limits limits;
    limits.packet_bytes_max = 1'024;
    limits.session_packets_max = 4;
    limits.bulk_window_bytes = 2'000;
    limits.bulk_early_bytes = 3'000;
    return limits;
}

template <class T>
errc code(const result<T>& of) {
    return of ? errc::ok : of.error().code();
}

} // namespace equus::test::bulky
