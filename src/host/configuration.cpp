#include "config/check.hpp"
#include "host/commands/context.hpp"

#include <equus/host/configuration.hpp>

namespace equus {

result<rdc> read_configuration(std::string name, std::string text, const module_table& modules,
                               const configuration_settings& settings) {
    config::check_options checks;
    checks.programs = [&modules](const std::string& program) -> result<manifest> {
        return commands::describe_program(program, {}, modules);
    };
    for (const auto& [parameter, value] : settings)
        checks.settings.push_back({parameter, value});
    const config::source from{std::move(name), std::move(text)};
    config::checked checked = config::check(from, checks);
    if (!checked.value)
        return fail(errc::invalid_argument, config::to_text(checked.diagnostics, &from));
    return std::move(*checked.value);
}

} // namespace equus
