// An incarnation's state as text, for people: what `inspect(handle)` brings is an encoding, whose
// meaning the program that has the module knows.
#pragma once

#include <equus/module.hpp>
#include <equus/status.hpp>
#include <equus/wire/schema.hpp>

#include <string>

namespace equus {

/// One JSON object: the incarnation's module, its fault if it has one, its `state` and its
/// `parameters` by the names of their fields. no_such_module: the program does not have the module.
inline result<std::string> text_of(const inspection& seen, const module_table& modules) {
    const detail::module_type* module = modules.find(seen.module);
    if (!module)
        return fail(errc::no_such_module, "'" + seen.module + "'");
    const auto part = [](const detail::message_type* type, const bytes& value) {
        return type ? wire::to_json(type->schema(), value.span())
                    : result<std::string>{std::string{"null"}};
    };
    auto state = part(module->state_type, seen.value);
    if (!state)
        return state;
    auto parameters = part(module->parameters_type, seen.parameters);
    if (!parameters)
        return parameters;
    std::string out = "{\"module\": \"" + seen.module + "\"";
    if (seen.reason != errc::ok)
        out += ", \"fault\": \"" + std::string{name_of(seen.reason)} + "\"";
    return out + ", \"state\": " + *state + ", \"parameters\": " + *parameters + "}";
}

} // namespace equus
