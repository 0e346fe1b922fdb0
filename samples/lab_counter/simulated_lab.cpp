#include "simulated_lab.hpp"

#include "counting.hpp"
#include "rdc_texts.hpp"
#include "solution.hpp"

#include <equus/host/configuration.hpp>
#include <equus/services/standard.hpp>

#include <memory>

namespace lab {

using namespace equus;
using namespace equus::literals;

void add_lab(module_table& to) {
    to.add<counter>("lab.counter");
    to.add<turnstile>("lab.turnstile");
    to.add<solution::counter>("lab.numbered_counter");
    to.add<solution::turnstile>("lab.numbered_turnstile");
}

namespace {

class lab_workload final : public sim::workload {
public:
    lab_workload(std::string file, std::string_view text) : file_{std::move(file)}, text_{text} {}

    bool stands_deaths() const override { return false; }
    void adjust(sim::fault_mix& mix, random_sequence& draws) override {
        mix = sim::fault_mix{};
        mix.partition_every = draws.between(300ms, 3s);
        mix.partition_max = draws.between(50ms, 2s);
        mix.network.unordered_per_mille = 500;
        mix.network.loss_per_mille = static_cast<std::uint32_t>(draws.below(100));
    }
    void start(sim::world& w) override {
        add_standard_modules(w.modules());
        add_lab(w.modules());
        w.effect<console::write>(
            std::string{console::write_effect},
            [this, &w](sim::host where, console::write said) -> result<console::written> {
                said.text.pop_back(); // the line feed
                w.remark(where, said.text);
                if (said.text.find("was counted as") != std::string::npos)
                    w.fail(said.text);
                said_ = std::move(said.text);
                return console::written{};
            });
        auto lab = read_configuration(file_, std::string{text_}, w.modules(), {});
        if (!lab)
            return w.fail(lab.error().describe());
        w.node({"office", {}, true});
        w.node({"door", {}, true});
        w.run(*lab, w.modules().services());
        w.run_until([&] { return w.established(); }, 60s);
    }
    bool finished(sim::world& w) override { return w.finished() != nullptr; }
    std::string progress(sim::world& w) override { return sim::who_is_left(w); }
    std::string check(sim::world& w) override {
        if (w.finished()->result != 0)
            return "the result is " + std::to_string(w.finished()->result);
        if (said_ != "10 visitors passed and were counted")
            return "the turnstile said: " + said_;
        return sim::what_is_not_at_rest(w);
    }

private:
    std::string file_;
    std::string_view text_;
    std::string said_;
};

} // namespace

sim::scenario given() {
    return {"lab_counter", "a turnstile and a counter of visitors, as the exercise gives them",
            [] { return std::make_unique<lab_workload>("lab_counter.rdc", lab_counter_rdc); }};
}
sim::scenario mended() {
    return {"solution", "the same, mended: no visitor is lost or counted twice",
            [] { return std::make_unique<lab_workload>("solution.rdc", solution_rdc); }};
}

} // namespace lab
