// A kernel without links, driven as a node drives it: the clock, a turn, what came out.
#pragma once

#include "bench/cast.hpp"
#include "bench/measure.hpp"

#include <equus/kernel/kernel.hpp>
#include <equus/module.hpp>

#include <stdexcept>

namespace equus::bench {

class lone_node {
public:
    explicit lone_node(const module_table& modules) : kernel_{kernel_options{}, modules} {}

    void boot(const creation& what) {
        bytes encoded(wire::size_bytes(what));
        wire::encode(what, encoded.span());
        if (auto made = kernel_.boot(encoded); !made)
            throw std::runtime_error{made.error().describe()};
    }
    /// Turns until `done()`; throws when an incarnation has given up.
    template <class Done>
    void run_until(Done&& done) {
        while (!done()) {
            kernel_.tick({now_ns()});
            kernel_.run(turn_steps);
            for (output out; kernel_.next_output(out);) {
            }
            if (!seen.problem.empty())
                throw std::runtime_error{seen.problem};
        }
    }

private:
    static constexpr std::size_t turn_steps = 1024;
    kernel kernel_;
};

} // namespace equus::bench
