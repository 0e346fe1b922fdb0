// An IPP queue for simulations: what queueing.hpp asks of a printer, on jobs that exist in memory,
// shared by all nodes as one server is. A request reaches the server some time after it was asked,
// whether or not its asker still lives then, and its answer may be lost on the way back.
#pragma once

#include "queueing.hpp"

#include <equus/host/sim.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace doc {

class simulated_queue {
public:
    struct job {
        std::string key;
        std::string name;
        std::string text;
        job_phase phase = job_phase::held;
    };

    /// Answers the printer's effects of `w`, which ends before this does. `lost_per_mille`: answers
    /// that do not arrive.
    void serve(equus::sim::world& w, equus::duration takes_max, std::uint32_t lost_per_mille);

    std::vector<job> jobs;         ///< number 1 is the first
    std::set<std::string> refused; ///< names whose jobs the queue gives up

private:
    template <class Request, class Function>
    void answer(equus::sim::world& w, std::string_view name, Function does);
    void print(equus::sim::world& w, std::size_t index);

    std::shared_ptr<equus::random_sequence> draws_;
    equus::duration takes_max_{0};
    std::uint32_t lost_per_mille_ = 0;
};

} // namespace doc
