// A picture of one run: time goes down, each incarnation has a line, each message is an arrow from
// where it was sent to where it came. Between its coming and its being consumed its receiver is
// drawn as busy. Faults are drawn where they strike, and what must not be at the bottom, in red.
//
//     equus::sim::diagram picture;
//     equus::sim::seed_options options;
//     options.observer = &picture;
//     const auto outcome = equus::sim::run_seed(scenario, 17, options);
//     std::string svg = picture.svg("seed 17", outcome.failure);
//
// The same run gives the same picture, byte for byte. Time is drawn in the order of events and not
// to scale: a long silence takes little room, and says how long it was. Only what fits is drawn,
// and the picture says what it leaves out; of a long run the last messages are kept.
#pragma once

#include <equus/host/sim.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace equus::sim {

struct diagram_options {
    time_point from{};
    time_point to = time_point::never();
    std::size_t events_max = 60;  ///< messages and faults: the last ones in the window
    bool by_node = false;         ///< a line for each node instead of each incarnation
    bool with_services = false;   ///< the modules called equus.* too
    std::uint32_t lanes_max = 12; ///< of incarnations; with more of them, nodes
};

class diagram final : public world_observer {
public:
    explicit diagram(diagram_options options = {});
    ~diagram();

    /// The picture as SVG. `failure`: what ended the run, empty when nothing did.
    std::string svg(std::string_view title, std::string_view failure) const;

    void on_trace(time_point at, host where, const trace_record& record) noexcept override;
    void on_created(time_point at, host where, incarnation_id who, std::string_view name,
                    std::string_view module) noexcept override;
    void on_queued(time_point at, host where, const traced_message& message) noexcept override;
    void on_lost(time_point at, host from, host to) noexcept override;
    void on_node(time_point at, host where, std::string_view name, fate what, duration span,
                 std::string_view text) noexcept override;
    void on_cut(time_point at, host from, host to, bool cut) noexcept override;
    void on_healed(time_point at) noexcept override;
    void on_remark(time_point at, host where, std::string_view text) noexcept override;

private:
    std::unique_ptr<struct picture> seen_;
};

} // namespace equus::sim
