// A program's main(): its modules and effects by name, and every command of `equus` for them.
//
//     int main(int argc, char** argv) {
//         equus::main m{argc, argv};
//         m.module<counter>("lab.counter");
//         return m.run();
//     }
//
// `program run lab.rdc --nodes 4` starts node processes of this very program; `equus run lab.rdc`
// finds it through the `use` line of the file. `program --help` lists the commands.
#pragma once

#include <equus/equus.hpp>
#include <equus/host/effects.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace equus {

namespace sim {
struct scenario;
}

class main {
public:
    /// Borrows the arguments. `version` is what the manifest and `--version` say.
    main(int argc, char** argv, std::string version = "1.0");
    ~main();
    main(const main&) = delete;
    main& operator=(const main&) = delete;

    /// Registers class D. `effects`: the names of the effects that its incarnations may ask for.
    template <class D>
    main& module(std::string name, std::vector<std::string> effects = {}) {
        modules_.add<D>(std::move(name), std::move(effects));
        return *this;
    }
    /// Registers class D and puts one on every node, reached as `system.SERVICE`.
    template <class D>
    main& service(std::string name, std::string service_name,
                  std::vector<std::string> effects = {}) {
        modules_.add_service<D>(std::move(name), std::move(service_name), std::move(effects));
        return *this;
    }
    /// What the effect does; on a thread that may block. `Function`: Request ->
    /// result<Request::reply>.
    template <class Request, class Function>
    main& effect(std::string name, Function does) {
        effects_.add<Request>(std::move(name), std::move(does));
        return *this;
    }
    /// A scenario for `sim` (equus/host/sim_scenario.hpp).
    main& scenario(sim::scenario what);

    /// A command of the program's own, beside those that every program has: `does(argc, argv)` is
    /// called with argv[1] == name and gives the exit code; `about` is its line in `--help`.
    main& command(std::string name, std::string about, std::function<int(int, char**)> does);

    /// Does what the arguments say. The result is the process's exit code: docs/commands.md lists
    /// them.
    int run();

    module_table& modules() noexcept { return modules_; }
    effect_registry& effects() noexcept { return effects_; }

private:
    struct scenarios;
    struct own_command {
        std::string name;
        std::string about;
        std::function<int(int, char**)> does;
    };
    int argc_;
    char** argv_;
    std::string version_;
    module_table modules_;
    effect_registry effects_;
    std::unique_ptr<scenarios> scenarios_;
    std::vector<own_command> commands_;
};

} // namespace equus
