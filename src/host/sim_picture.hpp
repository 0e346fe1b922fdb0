// What a diagram has seen of a run, between the collecting (sim_diagram.cpp) and the drawing
// (sim_drawing.cpp).
#pragma once

#include <equus/host/sim_diagram.hpp>

#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace equus::sim {

/// An instant and its place among all that happened: much happens at one instant of virtual time.
struct moment {
    time_point at = time_point::never();
    std::uint64_t order = 0; ///< 0: it did not happen
    explicit operator bool() const noexcept { return order != 0; }
};

struct picture {
    static constexpr std::size_t none = ~std::size_t{0};

    struct life {
        incarnation_id id;
        std::uint32_t node = 0; ///< index of its host
        std::string name, module;
        moment born, ended;
        errc reason = errc::ok;
    };
    enum class arrow_kind : std::uint8_t { message, invocation, reply };
    struct arrow {
        arrow_kind kind = arrow_kind::message;
        std::size_t from = none, to = none; ///< lives
        moment sent, came, consumed;
        std::string name;
        errc reason = errc::ok; ///< of a reply that is an error
    };
    struct mark {
        moment at;
        std::uint32_t node = 0;
        std::size_t who = none; ///< an incarnation's; otherwise the node's
        std::string text;
        bool bad = true;
        bool everywhere = false; ///< of no node
        bool cut = false;        ///< the spans that begin now say which
    };
    struct span {
        enum class kind : std::uint8_t { paused, gone, cut };
        kind what = kind::paused;
        std::uint32_t node = 0;
        std::uint32_t other = 0; ///< cut: whom it does not reach
        time_point from;
        time_point to = time_point::never();
    };
    struct loss {
        moment at;
        std::uint32_t from = 0, to = 0;
    };

    diagram_options options;
    std::vector<std::string> nodes;
    std::vector<life> lives;
    std::map<std::uint64_t, arrow> arrows; ///< by the order of their sending
    std::deque<mark> marks;
    std::vector<span> spans;
    std::deque<loss> losses;
    std::uint64_t forgotten = 0; ///< arrows and marks that were seen and are not kept
    moment last;

    // ---- of the collecting
    using message_key = std::tuple<incarnation_id, std::uint64_t, std::uint64_t>;
    using stream_key = std::tuple<incarnation_id, std::uint64_t>;
    struct call {
        std::size_t caller = none, callee = none;
        std::string reply_name;
        std::uint64_t reply = 0; ///< the arrow under way
    };
    std::map<incarnation_id, std::size_t> by_id;
    std::map<message_key, std::vector<std::uint64_t>> under_way;
    std::map<std::tuple<std::uint64_t, std::uint64_t>, call> calls; ///< by caller and counter
    /// Where a stream led, and what its messages are called.
    std::map<stream_key, std::size_t> receivers;
    std::map<std::tuple<incarnation_id, std::uint64_t, std::uint64_t>, std::string> names;

    moment now(time_point at) noexcept { return last = {at, last.order + 1}; }
    bool in_time(time_point at) const noexcept { return at <= options.to; }
    std::size_t life_of(incarnation_id who) const noexcept;
    void add(arrow made);
    void add(mark made);
    void forget_old();
};

/// The picture as SVG.
std::string drawn(const picture& seen, std::string_view title, std::string_view failure);

} // namespace equus::sim
