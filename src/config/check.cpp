#include "config/check.hpp"

#include "config/resolver.hpp"
#include "config/validator.hpp"

namespace equus::config {

checked check(const source& from, const check_options& options) {
    diagnostics out{from};
    const document tree = parse(from, out);
    if (!tree.readable)
        return {std::nullopt, out.sorted(), {}};
    programs with{options.programs};
    origins places;
    rdc value = resolver{tree, options, with, places, out}.run();
    validator{value, with, places, out}.run();

    checked result;
    result.diagnostics = out.sorted();
    for (const auto& [name, declaration] : value.incarnations)
        if (const auto at = places.of(name, ""))
            result.declared_at.emplace(name, from.position_of(at->begin));
    if (!any_error(result.diagnostics))
        result.value = std::move(value);
    return result;
}

std::vector<diagnostic> check(const rdc& value, const program_resolver& ask) {
    const source nowhere{"rdc " + value.name, ""};
    diagnostics out{nowhere};
    programs with{ask};
    for (const program_use& use : value.programs) {
        with.use(use.name_space, use.program);
        if (const error* trouble = with.require(use.program))
            out.report_file(code::no_program,
                            "program '" + use.program + "': " + trouble->describe());
    }
    validator{value, with, {}, out}.run();
    return out.sorted();
}

} // namespace equus::config
